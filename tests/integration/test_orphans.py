"""A task whose runner is gone is dispatched again, whatever became of its project and whatever else is orphaned."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from baton_contracts import events as e
from baton_contracts.project import Project
from baton_eventlog.sql import QUERIES
from baton_orchestrator import reconciler
from baton_orchestrator.decide import decide
from support.stage import Stage, stage
from support.stories import OneWorkflow, only, origin, started
from support.tales import CREATE
from support.waiting import eventually

ATTEMPT = "SELECT attempt FROM tasks WHERE id = $1"
STUCK = "UPDATE tasks SET status = 'working', runner_id = gen_random_uuid() WHERE id = $1"


@pytest.fixture
async def on(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A stage on which one orphan is taken at a time."""
    monkeypatch.setattr(reconciler, "_LIMIT", 1)
    async with stage(database, tmp_path) as open_stage:
        yield open_stage


async def pending(on: Stage, number: int) -> e.TaskCreated:
    """Have a task pending in a new project."""
    create = CREATE.model_copy(update={"project_id": UUID(int=number)})
    created = decide(Project(), create, origin(f"create {number}"), OneWorkflow())
    await on.tell(create.project_id, *created)
    return only(created, e.TaskCreated)


async def is_dispatched(on: Stage, task: e.TaskCreated) -> None:
    """Wait until a task was dispatched again."""

    async def again() -> bool:
        return bool(await on.host.pool.fetchval(ATTEMPT, task.task_id) == 2)

    await eventually(again)


async def test_an_orphan_that_leads_to_nothing_keeps_no_other_waiting(on: Stage) -> None:
    """The tables say that the first is at work, the log does not."""
    stuck, live = await pending(on, 1), await pending(on, 2)
    await on.host.pool.execute(STUCK, stuck.task_id)
    await on.tell(UUID(int=2), started(live))
    await is_dispatched(on, live)
    assert await on.host.pool.fetchval(ATTEMPT, stuck.task_id) == 1
    assert [row["task_id"] for row in await on.host.pool.fetch(QUERIES["orphans"], 0, 9)] == [stuck.task_id]


async def test_an_orphan_in_a_project_that_has_failed_is_one_no_more(on: Stage) -> None:
    task = await pending(on, 1)
    await on.tell(UUID(int=1), e.ProjectFailed(reason="Another execution's task failed"), started(task))
    await is_dispatched(on, task)
    assert await on.host.pool.fetch(QUERIES["orphans"], 0, 9) == []
