"""Intervening over REST: check, force, pause, resume, cancel, retry, reset, respond; and health's word on the model."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from baton_contracts import rest, rest_lifecycle
from baton_contracts.events import LlmCall, TaskFailed, TaskStart
from baton_contracts.ids import SYSTEM_STREAM
from support.api import asked, created, finished, view
from support.stage import Stage, stage
from support.waiting import eventually

ABSENT = f"/api/v1/projects/{uuid4()}"


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path) as open_stage:
        yield open_stage


async def actor_of_last(api: Stage, event_type: str) -> str:
    statement = "SELECT actor FROM event_log WHERE event_type = $1 ORDER BY position DESC LIMIT 1"
    return str(await api.host.pool.fetchval(statement, event_type))


async def test_checking_names_every_indicator_and_completes_nothing_that_is_not_done(api: Stage) -> None:
    project_id = await created(api)
    answer = await api.post(f"/api/v1/projects/{project_id}/check-completion")
    checked = rest_lifecycle.CompletionChecked.model_validate(answer)
    assert not checked.is_complete
    assert checked.completion_indicators
    assert not all(one.met for one in checked.completion_indicators)
    assert (await view(api, project_id)).status == "active"


async def test_checking_a_project_whose_steps_are_done_says_that_it_is_complete(api: Stage) -> None:
    project_id = await finished(api)

    async def is_over() -> bool:
        return (await view(api, project_id)).status == "completed"

    await eventually(is_over)
    answer = await api.post(f"/api/v1/projects/{project_id}/check-completion")
    assert answer["is_complete"]


async def test_a_forced_completion_shows_at_once_names_who_did_it_and_cannot_be_done_twice(api: Stage) -> None:
    project_id = await created(api)
    answer = await api.post(f"/api/v1/projects/{project_id}/force-complete")
    assert answer == {"status": "completed", "artifacts_generated": False}
    assert (await view(api, project_id)).status == "completed"
    assert (await api.get(f"/api/v1/projects/{project_id}/completion"))["completion_percentage"] == 100.0
    assert await actor_of_last(api, "project_completed") == "user"
    await api.post(f"/api/v1/projects/{project_id}/force-complete", status=409)


async def test_a_paused_project_stays_active_and_goes_on_when_resumed(api: Stage) -> None:
    project_id = await created(api)
    path = f"/api/v1/projects/{project_id}"
    paused = {"project_id": project_id, "status": "active", "paused": True}
    await api.post(f"{path}/resume", status=409)
    assert await api.post(f"{path}/pause", {}) == paused
    await api.post(f"{path}/pause", status=409)
    assert await api.post(f"{path}/resume") == paused | {"paused": False}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"reason": "too dear"}', "too dear"),
        (b'{"reason": "  "}', rest_lifecycle.DEFAULT_REASON),
        (b'{"reason": null}', rest_lifecycle.DEFAULT_REASON),
        (b"{}", rest_lifecycle.DEFAULT_REASON),
        (b"", rest_lifecycle.DEFAULT_REASON),
        (None, rest_lifecycle.DEFAULT_REASON),
    ],
)
async def test_a_cancelled_project_is_failed_with_the_reason_if_one_was_given(
    api: Stage, body: bytes | None, reason: str
) -> None:
    project_id = await created(api)
    headers = {"Content-Type": "application/json"} if body is not None and body != b"" else {}
    async with api.client.post(f"/api/v1/projects/{project_id}/cancel", data=body, headers=headers) as response:
        answer = await response.json()
    assert (response.status, answer["status"], answer["project_id"]) == (200, "failed", project_id)
    assert reason in answer["reason"]
    found = await view(api, project_id)
    assert (found.status, found.reason) == ("failed", answer["reason"])
    await api.post(f"/api/v1/projects/{project_id}/cancel", status=409)


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b'{"reason": 1}', "application/json", 422),
        (b'{"why": "x"}', "application/json", 422),
        (b"[]", "application/json", 422),
        (b"{", "application/json", 400),
        (b'{"reason": "x"}', "text/plain", 415),
    ],
)
async def test_a_body_that_may_be_left_out_must_fit_all_the_same(
    api: Stage, data: bytes, kind: str, status: int
) -> None:
    project_id = await created(api)
    path = f"/api/v1/projects/{project_id}/cancel"
    async with api.client.post(path, data=data, headers={"Content-Type": kind}) as response:
        assert response.status == status
        assert response.content_type == "application/problem+json"
    assert (await view(api, project_id)).status == "active"


async def test_a_failed_task_that_is_retried_waits_for_its_agent_under_the_next_attempt(api: Stage) -> None:
    project_id = await created(api)
    (task,) = (await view(api, project_id)).tasks
    path = f"/api/v1/projects/{project_id}/tasks/{task.id}/retry"
    await api.post(path, status=409)
    start = TaskStart(task_id=task.id, agent_type="analyst", attempt=1, runner_id=uuid4(), message="At work")
    await api.tell(project_id, start, TaskFailed(task_id=task.id, agent_type="analyst", attempt=1, reason="broke"))

    async def is_failed() -> bool:
        return (await view(api, project_id)).tasks[0].status == "failed"

    await eventually(is_failed)
    answer = rest_lifecycle.Retried.model_validate(await api.post(path))
    assert (answer.task_id, answer.status, answer.attempt) == (task.id, "pending", 2)
    (again,) = (await view(api, project_id)).tasks
    assert (again.status, again.attempt) == ("pending", 2)
    await api.post(f"/api/v1/projects/{project_id}/tasks/{uuid4()}/retry", status=404)


async def test_a_reset_agent_is_idle_and_its_task_is_dispatched_again(api: Stage) -> None:
    project_id = await created(api)
    (task,) = (await view(api, project_id)).tasks
    start = TaskStart(task_id=task.id, agent_type="analyst", attempt=1, runner_id=uuid4(), message="At work")
    await api.tell(project_id, start)
    answer = await api.post("/api/v1/agents/status/analyst/reset")
    assert answer == {"message": "Agent analyst status reset to idle", "status": "idle"}
    analyst = rest.AgentView.model_validate(await api.get("/api/v1/agents/status/analyst"))
    assert (analyst.status, analyst.current_task_id) == ("idle", None)
    (again,) = (await view(api, project_id)).tasks
    assert (again.status, again.attempt) == ("pending", 2)
    assert await actor_of_last(api, "agent_reset") == "user"
    of_tenant = "SELECT payload -> 'tenant' FROM event_log WHERE event_type = 'agent_reset'"
    assert await api.host.pool.fetchval(of_tenant) == "null"  # of all
    await api.post("/api/v1/agents/status/nobody/reset", status=404)


@pytest.mark.parametrize(
    "action",
    ["check-completion", "force-complete", "pause", "resume", "cancel", f"tasks/{UUID(int=7)}/retry"],
)
async def test_a_project_that_nobody_made_is_404_to_every_command(api: Stage, action: str) -> None:
    problem = await api.post(f"{ABSENT}/{action}", status=404)
    assert problem["title"] == "Unknown project"
    await api.post(f"/api/v1/projects/nonsense/{action}", status=422)
    others = "SELECT count(*) FROM event_log WHERE project_id <> $1"  # the definitions are registered at the start
    assert await api.host.pool.fetchval(others, SYSTEM_STREAM) == 0


async def test_of_twenty_people_who_answer_at_once_one_wins_and_the_others_are_told_who_did(api: Stage) -> None:
    requests = [await asked(api, await created(api)) for _ in range(10)]
    bodies = [{"action": "approve" if n % 2 else "reject", "response_content": f"says person {n}"} for n in range(20)]

    async def answer(request_id: UUID, body: dict[str, str]) -> tuple[int, Any]:
        async with api.client.post(f"/api/v1/hitl/{request_id}/respond", json=body) as response:
            return response.status, await response.json(content_type=None)

    for request in requests:
        answers = await asyncio.gather(*(answer(request.request_id, body) for body in bodies))
        assert Counter(status for status, _ in answers) == {200: 1, 409: 19}
        stands = rest.HitlView.model_validate(await api.get(f"/api/v1/hitl/{request.request_id}"))
        (won,) = [said["new_status"] for status, said in answers if status == 200]
        assert won == stands.status
        winner = {"action": stands.status, "response": stands.response_content, "responded_by": stands.responded_by}
        assert [said["winner"] for status, said in answers if status == 409] == [winner] * 19


def call_of(provider: str, outcome: str) -> LlmCall:
    return LlmCall.model_validate(
        {
            "task_id": uuid4(),
            "agent_type": "analyst",
            "attempt": 1,
            "provider": provider,
            "model": "m",
            "input_tokens": 1,
            "output_tokens": 1,
            "latency_ms": 1.0,
            "request_hash": "0",
            "answer": {},
            "outcome": outcome,
        }
    )


async def test_health_says_how_the_last_call_of_a_model_ended_and_stays_200(
    api: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("baton_gateway.routes.health._FRESH", 0.0)
    project_id = await created(api)
    await api.host.pool.execute("INSERT INTO runners (id) VALUES (gen_random_uuid())")
    assert (await api.get("/healthz"))["llm_status"] == "ok"
    for provider, outcome, status in [
        ("someone", "error", "degraded"),
        ("someone", "ok", "ok"),
        ("embedded", "error", "ok"),
        ("someone", "error", "degraded"),
    ]:
        await api.tell(project_id, call_of(provider, outcome))
        assert (await api.get("/healthz"))["llm_status"] == status
