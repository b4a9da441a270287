"""The gateway's REST API on a real PostgreSQL, with the real services behind it."""

import asyncio
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest

from baton_contracts import rest
from baton_contracts.events import ProjectCreated, TaskStart
from baton_eventlog.database import connect
from baton_gateway.reading import READS
from baton_gateway.service import GatewayService
from baton_runtime.host import NotStarted
from support.api import IDEA, asked, created, finished, view
from support.bundles import PLAN
from support.logs import command
from support.stage import Stage, stage
from support.waiting import eventually


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path) as open_stage:
        yield open_stage


async def test_a_created_project_is_readable_at_once_with_its_first_task(api: Stage) -> None:
    for path in ("/api/v1/projects", "/api/v1/projects/"):
        async with api.client.post(path, json={"product_idea": f"  {IDEA}\n"}) as response:
            assert response.status == 201
            body = await response.json()
            assert set(body) == {"project_id", "status"}
            assert response.headers["Location"] == f"/api/v1/projects/{body['project_id']}"
            assert int(response.headers["Baton-Position"]) > 0
        found = await view(api, body["project_id"])
        assert (found.status, found.product_idea, body["status"]) == ("active", IDEA, "active")
        assert found.name == "A small library for neighbours who lend books to each\N{HORIZONTAL ELLIPSIS}"
        (task,) = found.tasks
        assert (task.agent_type, task.status, task.attempt) == ("analyst", "pending", 1)


async def test_many_projects_created_at_once_are_each_readable_right_after_the_answer(api: Stage) -> None:
    for n in range(30):
        project_id = await created(api, name=f"Project {n}")
        assert (await view(api, project_id)).name == f"Project {n}"


async def test_the_same_idempotency_key_names_the_same_project_and_a_new_body_is_refused(api: Stage) -> None:
    body, key = {"product_idea": IDEA}, {"Idempotency-Key": "k-1"}
    first = await api.post("/api/v1/projects", body, status=201, **key)
    head = await api.head()
    assert await api.post("/api/v1/projects", body, status=201, **key) == first
    problem = await api.post("/api/v1/projects", {"product_idea": "Another"}, status=422, **key)
    assert problem["title"] == "Idempotency key reused"
    assert await api.head() == head


async def test_completion_counts_steps_and_not_tasks(api: Stage) -> None:
    project_id = await created(api)
    path = f"/api/v1/projects/{project_id}/completion"
    before = rest.CompletionView.model_validate(await api.get(path))
    assert (before.completion_percentage, before.total_tasks, before.completed_tasks) == (0.0, 5, 0)
    request = await asked(api, project_id)
    await api.post(f"/api/v1/hitl/{request.request_id}/respond", {"action": "approve"})
    after = await api.get(path)
    assert after == {
        "project_id": project_id,
        "completion_percentage": 20.0,
        "total_tasks": 5,
        "completed_tasks": 1,
        "artifacts_available": False,
    }


@pytest.mark.parametrize(
    ("action", "words", "status"),
    [
        ("approve", None, "approved"),
        ("approved", "Looks good!", "approved"),
        ("reject", "Too big", "rejected"),
        ("rejected", None, "rejected"),
        ("amend", "add an export", "amended"),
        ("amended", "leave out ratings", "amended"),
    ],
)
async def test_a_decision_is_shown_at_once_and_the_first_one_wins(
    api: Stage, action: str, words: str | None, status: str
) -> None:
    request = await asked(api, await created(api))
    assert request.status == "pending"
    path = f"/api/v1/hitl/{request.request_id}"
    answer = await api.post(f"{path}/respond", {"action": action, "response_content": words})
    assert answer == {"request_id": str(request.request_id), "new_status": status, "responded_by": "user"}
    found = rest.HitlView.model_validate(await api.get(path))
    assert (found.status, found.response_content, found.responded_by) == (status, words or "", "user")
    problem = await api.post(f"{path}/respond", {"action": "approve"}, status=409)
    assert status in problem["detail"]


async def test_an_agent_that_never_worked_is_idle_and_one_at_work_names_its_task(api: Stage) -> None:
    agents = rest.AgentList.model_validate(await api.get("/api/v1/agents/status")).agents
    assert {agent.agent_type for agent in agents} >= {"analyst", "architect", "coder", "tester", "deployer"}
    assert {(agent.status, agent.current_task_id, agent.last_activity) for agent in agents} == {("idle", None, None)}
    project_id = await created(api)
    (task,) = (await view(api, project_id)).tasks
    start = TaskStart(task_id=task.id, agent_type="analyst", attempt=1, runner_id=uuid4(), message="At work")
    await api.tell(project_id, start)
    analyst = rest.AgentView.model_validate(await api.get("/api/v1/agents/status/analyst"))
    assert (analyst.status, analyst.current_task_id) == ("working", task.id)
    assert analyst.last_activity


async def test_a_completed_project_gets_its_zip_by_itself(api: Stage) -> None:
    project_id = await finished(api, name='Ü/"Leih" Büro 😀')

    async def is_bundled() -> bool:
        return bool((await api.get(f"/api/v1/projects/{project_id}/completion"))["artifacts_available"])

    await eventually(is_bundled)
    completion = await api.get(f"/api/v1/projects/{project_id}/completion")
    assert (completion["completion_percentage"], completion["completed_tasks"]) == (100.0, 5)
    summary = rest.BundleSummary.model_validate(await api.get(f"/api/v1/artifacts/{project_id}/summary"))
    async with api.client.get(f"/api/v1/artifacts/{project_id}/download") as response:
        data = await response.read()
        assert (response.status, response.content_type) == (200, "application/zip")
        assert response.headers["Content-Length"] == str(len(data))
        assert response.headers["ETag"] == f'"{hashlib.sha256(data).hexdigest()}"'
        disposition = response.headers["Content-Disposition"]
    assert disposition == "attachment; filename=\"leih-b-ro.zip\"; filename*=UTF-8''%C3%BC-leih-b%C3%BCro.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {one.filename: one.file_size for one in archive.infolist()} == {
            one.name: one.size for one in summary.artifacts
        }
    async with api.client.get(f"/api/v1/artifacts/{project_id}/diagram") as response:
        assert (response.content_type, response.charset) == ("text/plain", "utf-8")
        assert await response.text() == PLAN["diagram"]


async def test_generate_answers_when_the_zip_is_there(api: Stage) -> None:
    project_id = await created(api)
    assert await api.get(f"/api/v1/artifacts/{project_id}/summary") == {"artifacts": []}
    request = await asked(api, project_id)
    problem = await api.post(f"/api/v1/artifacts/{project_id}/generate", status=409)
    assert problem["status"] == 409
    await api.post(f"/api/v1/hitl/{request.request_id}/respond", {"action": "approve"})
    answer = rest.BundleMade.model_validate(await api.post(f"/api/v1/artifacts/{project_id}/generate"))
    assert answer.zip_created
    assert answer.download_available
    async with api.client.get(f"/api/v1/artifacts/{project_id}/download") as response:
        assert response.status == 200
        assert zipfile.ZipFile(io.BytesIO(await response.read())).testzip() is None
    summary = await api.get(f"/api/v1/artifacts/{project_id}/summary")
    assert len(summary["artifacts"]) == answer.artifacts_generated


async def test_health_names_the_workers_as_degraded_until_a_runner_is_alive(
    api: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("baton_gateway.routes.health._FRESH", 0.0)
    for path in ("/healthz", "/api/v1/healthz"):
        async with api.client.get(path) as response:
            assert response.status == 503
            health = rest.HealthView.model_validate(await response.json())
            assert (health.db_status, health.celery_status, health.llm_status) == ("ok", "degraded", "ok")
    await api.host.pool.execute("INSERT INTO runners (id) VALUES (gen_random_uuid())")
    well = dict.fromkeys(("api_status", "db_status", "celery_status", "llm_status"), "ok")
    assert await api.get("/healthz") == well | {"auth": "off"}
    await api.get("/livez")


async def test_a_database_that_takes_no_writes_is_unavailable_to_health_and_still_read(
    database: str, tmp_path: Path
) -> None:
    async with stage(database, tmp_path, alone=True) as api:
        await api.tell(uuid4(), ProjectCreated(name="A", product_idea="An app", tenant="default"))
        name = await api.host.pool.fetchval("SELECT current_database()")
        owner = await connect(database, name="owner")
        await owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await owner.close()
        await api.host.pool.expire_connections()
        await api.host.appender.append([command(uuid4())])  # on a connection from before: the projector has work
        for _ in range(3):
            async with api.client.get("/healthz") as response:
                assert (response.status, (await response.json())["db_status"]) == (503, "unavailable")
            await asyncio.sleep(0.5)
        await api.get("/api/v1/agents/status")


async def test_every_answer_carries_the_security_headers_and_no_word_on_the_server(api: Stage) -> None:
    for path in ("/healthz", "/nowhere", "/api/v1/agents/status"):
        async with api.client.get(path) as response:
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Cache-Control"] == "no-store"
            assert response.headers["Server"] == "baton"


async def test_a_port_that_is_taken_is_said_in_plain_words(api: Stage, tmp_path: Path) -> None:
    port = int(api.url.rpartition(":")[2])
    api.host.settings.port = port
    with pytest.raises(NotStarted, match=rf"Port {port} is taken: .*choose another with --port"):
        await GatewayService().run(api.host)


async def test_two_gateways_show_at_once_what_either_of_them_wrote(api: Stage) -> None:
    other = GatewayService()
    running = asyncio.create_task(other.run(api.host))
    try:
        await asyncio.wait_for(other.ready.wait(), 10)
        for n in range(10):
            answer = await api.post(f"{other.url}/api/v1/projects", {"product_idea": f"Idea {n}"}, status=201)
            for url in (api.url, other.url):
                assert (await api.get(f"{url}/api/v1/projects/{answer['project_id']}"))["name"] == f"Idea {n}"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_fault_of_ours_is_a_500_that_tells_nothing_but_an_id(
    api: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cast("dict[str, str]", READS), "agent_list", "SELECT secret FROM nowhere")
    async with api.client.get("/api/v1/agents/status") as response:
        problem = await response.json(content_type="application/problem+json")
        assert (response.status, problem["title"]) == (500, "Internal error")
        assert response.headers["Baton-Request-Id"] in problem["detail"]
        assert "nowhere" not in problem["detail"]


async def test_a_database_that_is_away_gives_503_and_when_to_try_again(api: Stage) -> None:
    api.host.pool.terminate()
    for path in (f"/api/v1/projects/{uuid4()}", "/api/v1/agents/status"):
        async with api.client.get(path) as response:
            assert (response.status, response.content_type) == (503, "application/problem+json")
            assert response.headers["Retry-After"] == "2"
    async with api.client.get("/healthz") as response:
        assert (response.status, (await response.json())["db_status"]) == (503, "unavailable")


async def test_an_owner_that_does_not_answer_gives_503_and_when_to_try_again(api: Stage) -> None:
    await api.host.bus.close()
    async with api.client.post("/api/v1/projects", json={"product_idea": IDEA}) as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "2"
        assert response.content_type == "application/problem+json"
