"""A gate's deadline, on real services: nobody answers, and the workflow's answer stands, once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from baton_contracts import events as e
from baton_contracts.project import Project
from baton_orchestrator.decide import decide
from support.stage import Stage, stage
from support.stories import PROJECT, OneWorkflow, completed, fold, only, origin, started
from support.tales import CREATE
from support.waiting import eventually

CREATED = decide(Project(), CREATE, origin("create"), OneWorkflow())
TASK = only(CREATED, e.TaskCreated)
ANALYSED = (*CREATED, started(TASK), completed(TASK))
ASKED = only(decide(fold(*ANALYSED), ANALYSED[-1], origin("done"), OneWorkflow()), e.HitlRequest)
RESPONSES = "SELECT actor, payload ->> 'action' AS action FROM event_log WHERE event_type = 'hitl_response'"


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path) as open_stage:
        yield open_stage


def asked(seconds: int, on_expire: e.Action = "approved") -> e.HitlRequest:
    return ASKED.model_copy(update={"deadline_seconds": seconds, "on_expire": on_expire})


async def status(api: Stage) -> str:
    return str((await api.get(f"/api/v1/hitl/{ASKED.request_id}"))["status"])


@pytest.mark.parametrize("answer", ["approved", "rejected"])
async def test_when_nobody_answers_in_time_the_workflow_does(api: Stage, answer: e.Action) -> None:
    """Once, in the name of the system; a person who comes later is told so."""
    await api.tell(PROJECT, *ANALYSED, asked(1, answer))
    assert await status(api) == "pending"

    async def is_answered() -> bool:
        return await status(api) == answer

    await eventually(is_answered)
    await asyncio.sleep(1.5)  # it is looked at again
    responses = await api.host.pool.fetch(RESPONSES)
    assert [tuple(row) for row in responses] == [("system", answer)]
    late = await api.post(f"/api/v1/hitl/{ASKED.request_id}/respond", {"action": "approve"}, status=409)
    assert answer in late["detail"]


async def test_a_person_in_time_stops_the_clock(api: Stage) -> None:
    await api.tell(PROJECT, *ANALYSED, asked(2))
    await api.post(f"/api/v1/hitl/{ASKED.request_id}/respond", {"action": "reject", "response_content": "no"})
    await asyncio.sleep(3)
    assert [tuple(row) for row in await api.host.pool.fetch(RESPONSES)] == [("user", "rejected")]
    assert await api.host.pool.fetchval("SELECT array_agg(status) FROM timers") == ["over"]
