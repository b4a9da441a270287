"""Random histories, made by the services' own decisions, are projected to what the fold of each project says."""

import contextlib
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
from asyncpg.pool import PoolConnectionProxy
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from baton_contracts import rest
from baton_contracts.events import Event, LlmCall
from baton_contracts.history import recall
from baton_contracts.ids import SYSTEM_STREAM
from baton_contracts.project import Project, Task, evolve
from baton_eventlog.reader import read
from baton_gateway.reading import READS
from support.counting import Standing, counted
from support.histories import TENANTS, Said, histories
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


@contextlib.asynccontextmanager
async def tables(log: Log, events: Sequence[Event], cuts: Sequence[int]) -> AsyncIterator[PoolConnectionProxy]:
    """Project events into empty tables, in ranges that end after so many of them; give a session that sees them."""
    low, high = events[0].position - 1, events[-1].position
    bounds = sorted({low, high, *(low + cut for cut in cuts if low + cut < high)})
    async with log.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(f"TRUNCATE {', '.join(TABLES)}")
            for one, following in itertools.pairwise(bounds):
                await connection.execute("SELECT project_range($1, $2)", one, following)
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            yield connection
        finally:
            await transaction.rollback()


async def rows_of(connection: PoolConnectionProxy) -> Rows:
    return {
        table: await connection.fetch(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608 - ours
        for table in TABLES
    }


async def projected(log: Log, events: Sequence[Event], cuts: Sequence[int]) -> Rows:
    """Project events into empty tables, in ranges; return the rows."""
    async with tables(log, events, cuts) as connection:
        return await rows_of(connection)


def folds(events: Sequence[Event]) -> dict[UUID, Project]:
    states: dict[UUID, Project] = defaultdict(Project)
    for one in events:
        if one.project_id != SYSTEM_STREAM:
            states[one.project_id] = evolve(states[one.project_id], one.payload)
    return states


def json_of(text: str | None) -> Any:  # noqa: ANN401 - any JSON
    return text and orjson.loads(text)


def task_row(task: Task) -> tuple[object, ...]:
    """Return what the columns `TASK` hold of a task."""
    runner = task.runner_id if task.status == "working" else None
    reason = task.reason or None if task.status == "failed" else None  # of an attempt before, decisions remember it
    return task.status, task.attempt, runner, reason, task.created.step_id, task.created.instructions


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
    assert {row["id"]: (row["status"], row["paused"], json_of(row["bundle"])) for row in rows["projects"]} == {
        key: (state.status, state.paused, state.bundle and state.bundle.model_dump(mode="json"))
        for key, state in states.items()
    }
    calls = [(one.payload, one.position) for one in events if isinstance(one.payload, LlmCall)]
    assert [(row["model"], row["outcome"], row["position"]) for row in rows["llm_status"]] == [
        (call.model, call.outcome, position) for call, position in calls[-1:]
    ]
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
async def test_what_is_recalled_is_what_is_shown(
    log: Log, history: Sequence[Said], batches: list[int], cuts: list[int]
) -> None:
    """The fold for `?as_of=` gives the very answers that the tables give, of each project."""
    events = await append(log, history, batches)
    async with tables(log, events, cuts) as connection:
        for project_id, state in folds(events).items():
            past = recall([one for one in events if one.project_id == project_id])
            assert past
            (shown,) = await connection.fetch(READS["project_view"], project_id, None)
            completion = await connection.fetchval(READS["completion_view"], project_id, None)
            bundled_at = await connection.fetchval("SELECT bundled_at FROM projects WHERE id = $1", project_id)
            assert rest.ProjectView.model_validate_json(shown["body"]) == past.project_view()
            assert rest.CompletionView.model_validate_json(completion) == past.completion_view()
            named = [one for one in events if one.project_id == project_id and state.bundle == one.payload]
            assert bundled_at == (named[-1].timestamp if named else None)
            assert shown["version"] <= events[-1].position


def told(one: Standing) -> tuple[object, ...]:
    """Return what the columns `HISTORY` hold of a standing."""
    return tuple(getattr(one, column) for column in HISTORY)


HISTORY = (
    "id tenant agent_type status task_id project_id task_status working waiting position timestamp".split()  # noqa: SIM905
)
NOW = ("tenant", "agent_type", "status", "working", "waiting", "position")
AGENTS = ["analyst", "architect", "nobody"]
NEVER = datetime.max.replace(tzinfo=UTC)


@property_of_histories
@given(history=histories(), batches=CUTS, cuts=CUTS, positions=CUTS)
async def test_agents_are_what_counting_their_tasks_one_by_one_gives(
    log: Log, history: Sequence[Said], batches: list[int], cuts: list[int], positions: list[int]
) -> None:
    """Now, in the history, in what sockets are told, and as of any moment: of each tenant, and over all."""
    events = await append(log, history, batches)
    low, high = events[0].position - 1, events[-1].position
    standings, counting = counted(events)
    event(f"{max((one.working for one in standings), default=0)} tasks at once")
    async with tables(log, events, cuts) as connection:
        rows = await connection.fetch("SELECT * FROM agent_status_history")
        assert {tuple(row[column] for column in HISTORY) for row in rows} == set(map(told, standings))
        rows = await connection.fetch("SELECT * FROM agent_status")
        assert {tuple(row[column] for column in NOW) for row in rows} == {
            tuple(getattr(one, column) for column in NOW) for one in counting.now.values()
        }
        rows = await connection.fetch(READS["standings_of_events"], [one.id for one in standings])
        assert {tuple(row) for row in rows} == {(one.id, one.status, one.current_task_id) for one in standings}
        rows = await connection.fetch(READS["standings_of_events"], [one.id for one in events])
        assert {row["id"] for row in rows} == {one.id for one in standings if one.task_id}
        for tenant in (*TENANTS, None):
            found = await connection.fetchval(READS["agent_list"], AGENTS, tenant)
            assert seen(found) == expected(standings, tenant, high)
            for position in [low + one for one in positions]:
                found = await connection.fetchval(READS["agent_list_as_of"], AGENTS, tenant, position, NEVER)
                assert seen(found) == expected(standings, tenant, position)
            for agent in AGENTS:
                found = await connection.fetchval(READS["agent_view"], agent, tenant)
                one = rest.AgentView.model_validate_json(found)
                assert (one.status, one.current_task_id, one.last_activity) == expected(standings, tenant, high)[agent]
                found = await connection.fetchval(READS["agent_history"], agent, tenant, 3)
                assert [(one["position"], one["status"]) for one in orjson.loads(found)["history"]] == [
                    (one.position, one.status) for one in newest(standings, tenant, agent)[:3]
                ]


def seen(found: str) -> dict[str, tuple[object, ...]]:
    agents = rest.AgentList.model_validate_json(found).agents
    return {one.agent_type: (one.status, one.current_task_id, one.last_activity) for one in agents}


def expected(standings: Sequence[Standing], tenant: str | None, position: int) -> dict[str, tuple[object, ...]]:
    """Return what a tenant (None: who is of all) sees of each agent at a position."""
    return {
        agent: over_all([one for one in standings if one.agent_type == agent and one.position <= position], tenant)
        for agent in AGENTS
    }


def over_all(standings: Sequence[Standing], wanted: str | None) -> tuple[object, ...]:
    """Return how an agent stands in a tenant or in all: as where it is busiest, at the newest task there."""
    last = {one.tenant: one for one in standings if wanted in (None, one.tenant)}.values()
    for status in ("working", "waiting_for_hitl", "error", "idle"):
        if alike := [one for one in last if one.status == status]:
            current = max(alike, key=lambda one: one.current_position).current_task_id
            return status, current, max(one.timestamp for one in last)
    return "idle", None, None


def newest(standings: Sequence[Standing], tenant: str | None, agent: str) -> list[Standing]:
    """Return an agent's standings in a tenant or in all, newest first, and in one moment as the table has them."""
    told = [one for one in standings if one.agent_type == agent and tenant in (None, one.tenant)]
    return sorted(told, key=lambda one: (-one.position, one.id))
