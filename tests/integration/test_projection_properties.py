"""Random histories, made by the services' own decisions, are projected to what the fold of each project says."""

import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from baton_contracts.events import Event
from baton_contracts.frames import frames_of
from baton_contracts.project import Project, Task, evolve
from baton_eventlog.reader import read
from support.histories import Said, histories
from support.logs import Log, command, open_log
from support.tales import TABLES

Rows = dict[str, list[asyncpg.Record]]
property_of_histories = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    async with open_log(database) as opened:
        yield opened


async def append(log: Log, history: Sequence[Said], cuts: Sequence[int]) -> list[Event]:
    """Append a history in a few batches, so that there are a few moments in it; return it as it stands in the log."""
    before = await log.pool.fetchval("SELECT position FROM log_head")
    for low, high in itertools.pairwise(sorted({0, *cuts, len(history)})):
        await log.append(*(command(project, *payloads) for project, payloads in history[low:high]))
    return await read(log.pool, before, 10_000)


async def projected(log: Log, events: Sequence[Event], cuts: Sequence[int]) -> Rows:
    """Project events into empty tables, in ranges that end after so many of them; return the rows."""
    low, high = events[0].position - 1, events[-1].position
    bounds = sorted({low, high, *(low + cut for cut in cuts if low + cut < high)})
    async with log.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"TRUNCATE {', '.join(TABLES)}")
        for one, following in itertools.pairwise(bounds):
            await connection.execute("SELECT project_range($1, $2)", one, following)
        await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        rows = {
            table: await connection.fetch(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608 - ours
            for table in TABLES
        }
        await transaction.rollback()
    return rows


def folds(events: Sequence[Event]) -> dict[UUID, Project]:
    states: dict[UUID, Project] = defaultdict(Project)
    for one in events:
        states[one.project_id] = evolve(states[one.project_id], one.payload)
    return states


def json_of(text: str | None) -> Any:  # noqa: ANN401 - any JSON
    return text and orjson.loads(text)


def task_row(task: Task) -> tuple[object, ...]:
    """Return what the columns `TASK` hold of a task."""
    runner = task.runner_id if task.status == "working" else None
    return task.status, task.attempt, runner, task.reason or None, task.created.step_id, task.created.instructions


TASK = ("status", "attempt", "runner_id", "reason", "step_id", "instructions")
ARTIFACTS = "context_artifacts"
CUTS = st.lists(st.integers(0, 150), max_size=12)


@property_of_histories
@given(history=histories(), batches=CUTS, some=CUTS, others=CUTS)
async def test_any_partition_into_ranges_gives_the_same_rows(
    log: Log, history: Sequence[Said], batches: list[int], some: list[int], others: list[int]
) -> None:
    """All at once, cut at random in two ways, and each event alone: every column of every row is the same."""
    events = await append(log, history, batches)
    event(f"{len(events) // 20 * 20} events or more")
    at_once = await projected(log, events, [])
    assert await projected(log, events, some) == at_once
    assert await projected(log, events, others) == at_once
    assert await projected(log, events, range(len(events))) == at_once


@property_of_histories
@given(history=histories(), batches=CUTS, cuts=CUTS)
async def test_the_rows_are_the_fold(log: Log, history: Sequence[Said], batches: list[int], cuts: list[int]) -> None:
    """What decisions see is what the tables show: projects, executions, tasks, artifacts, requests."""
    events = await append(log, history, batches)
    rows = await projected(log, events, cuts)
    states = folds(events)
    tasks = [task for state in states.values() for task in state.tasks.values()]
    assert {row["id"]: (row["status"], json_of(row["bundle"])) for row in rows["projects"]} == {
        key: (state.status, state.bundle and state.bundle.model_dump(mode="json")) for key, state in states.items()
    }
    assert {row["id"]: row["total_steps"] for row in rows["workflow_executions"]} == {
        key: execution.started.total_steps for state in states.values() for key, execution in state.executions.items()
    }
    assert {row["id"]: tuple(row[column] for column in TASK) for row in rows["tasks"]} == {
        task.created.task_id: task_row(task) for task in tasks
    }
    assert {row["task_id"]: (row["id"], row["artifact_type"], json_of(row["content"])) for row in rows[ARTIFACTS]} == {
        task.created.task_id: (task.artifact.artifact_id, task.artifact.artifact_type, task.artifact.content)
        for task in tasks
        if task.artifact
    }
    assert {row["id"]: (row["status"], row["response_content"] or "") for row in rows["hitl_requests"]} == {
        key: (request.status, request.response) for state in states.values() for key, request in state.requests.items()
    }


@property_of_histories
@given(history=histories(), batches=CUTS, cuts=CUTS)
async def test_agents_and_their_history_are_what_the_frames_told(
    log: Log, history: Sequence[Said], batches: list[int], cuts: list[int]
) -> None:
    """A browser that saw every `agent_status_change` knows what the tables show, now and at any moment before."""
    events = await append(log, history, batches)
    rows = await projected(log, events, cuts)
    changes = [
        (one, frame["agent_type"], frame["data"])
        for one in events
        for frame in frames_of(one)
        if frame["event_type"] == "agent_status_change"
    ]
    assert {
        row["id"]: (row["agent_type"], row["status"], row["timestamp"]) for row in rows["agent_status_history"]
    } == {one.id: (agent, data["status"], one.timestamp) for one, agent, data in changes}
    assert {row["agent_type"]: (row["status"], row["current_task_id"]) for row in rows["agent_status"]} == {
        agent: (data["status"], data["current_task_id"] and UUID(data["current_task_id"])) for _, agent, data in changes
    }
