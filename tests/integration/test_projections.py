"""The projected tables are the fold, whatever the ranges in which the log was projected."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from baton_contracts import events as e
from baton_contracts.ids import SYSTEM_STREAM
from support.histories import short_story
from support.logs import Log, command, open_log
from support.stories import PROJECT, fold, only
from support.tales import TABLES, long_story, whole_story


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    async with open_log(database) as opened:
        yield opened


async def rows(log: Log) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: [tuple(row) for row in await log.pool.fetch(f"SELECT * FROM {table} ORDER BY id")]  # noqa: S608 - ours
        for table in TABLES
    }


async def project(log: Log, step: int) -> dict[str, list[tuple[object, ...]]]:
    """Empty the tables and project the log again, so many positions at a time; return all rows."""
    await log.pool.execute(f"TRUNCATE {', '.join(TABLES)}")
    head = await log.pool.fetchval("SELECT position FROM log_head")
    for low in range(0, head, step):
        await log.pool.execute("SELECT project_range($1, $2)", low, min(low + step, head))
    return await rows(log)


async def test_ranges_do_not_matter(log: Log) -> None:
    """One event at a time, any stride, or everything at once give the same rows."""
    await log.append(command(PROJECT, *long_story()))
    singly = await project(log, 1)
    assert all(singly.values())
    for step in (2, 3, 5, 7, 1000):
        assert await project(log, step) == singly


async def test_projecting_a_range_twice_changes_nothing(log: Log) -> None:
    await log.append(command(PROJECT, *long_story()))
    once = await project(log, 1000)
    await log.pool.execute("SELECT project_range(0, 1000)")
    assert await rows(log) == once


async def test_the_newest_call_of_a_model_tells_its_state(log: Log) -> None:
    """An outcome that an older Baton did not write was a good one."""
    await log.append(command(PROJECT, *long_story()))
    await log.pool.execute("SELECT project_range(0, $1)", len(long_story()))
    columns = "provider, model, outcome, position"
    (row,) = await log.pool.fetch(f"SELECT {columns} FROM llm_status")  # noqa: S608 - ours
    assert tuple(row)[:3] == ("embedded", "rules", "error")
    ((position, outcome),) = await log.pool.fetch(
        "SELECT position, payload ->> 'outcome' FROM event_log WHERE event_type = 'llm_call' "
        "ORDER BY position DESC LIMIT 1"
    )
    assert (row["position"], outcome) == (position, "error")
    await log.append(command(PROJECT, *whole_story()[:1]))
    head = len(long_story()) + 1
    await log.pool.execute("SELECT project_range($1, $2)", head - 1, head)
    assert await log.pool.fetchval("SELECT position FROM llm_status") == position


async def test_a_reset_sets_back_one_tenant_or_all_and_leaves_at_work_who_works(log: Log) -> None:
    """A task that was dispatched again may be at work before the reset is in the log."""
    for tenant in ("works", "failed", "also failed"):
        made, *rest, start, _, _ = short_story()
        task_id = only([start], e.TaskStart).task_id
        fault = e.TaskFailed(task_id=task_id, agent_type="analyst", attempt=1, reason="broke")
        story = (made.model_copy(update={"tenant": tenant}), *rest, start, *([] if tenant == "works" else [fault]))
        await log.append(command(uuid4(), *story))
    for whose, after in (("failed", "error"), (None, "idle")):
        await log.append(command(SYSTEM_STREAM, e.AgentReset(agent_type="analyst", tenant=whose)))
        await project(log, 1000)
        statuses = dict(map(tuple, await log.pool.fetch("SELECT tenant, status FROM agent_status")))
        assert statuses == {"works": "working", "failed": "idle", "also failed": after}


@pytest.mark.parametrize("length", range(3, 25))
async def test_the_tables_are_the_fold(log: Log, length: int) -> None:
    """After any prefix of a story, statuses and attempts are those that decisions see."""
    story = whole_story()[:length]
    state = fold(*story)
    await log.append(command(PROJECT, *story))
    await log.pool.execute("SELECT project_range(0, $1)", len(story))
    tasks = await log.pool.fetch("SELECT id, status, attempt, runner_id FROM tasks")
    assert {row["id"]: (row["status"], row["attempt"], row["runner_id"]) for row in tasks} == {
        task_id: (task.status, task.attempt, task.runner_id if task.status == "working" else None)
        for task_id, task in state.tasks.items()
    }
    requests = await log.pool.fetch("SELECT id, status FROM hitl_requests")
    assert dict(map(tuple, requests)) == {key: request.status for key, request in state.requests.items()}
    assert await log.pool.fetchval("SELECT status FROM projects") == state.status


async def test_the_story_is_long_enough() -> None:
    """The prefixes above cover all of it."""
    assert len(whole_story()) == 24
    assert only(whole_story(), e.ProjectCompleted)
