"""Whether cost grows with the age of the log.

The two logs stand side by side in one server and take turns. Projects are those of the last 100 thousand positions,
as the ones that are worked on are; their events are folded by the batch loop itself.
"""

import asyncio
from contextlib import AsyncExitStack
from time import perf_counter
from typing import Final
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from baton_contracts.events import AgentMessage
from baton_contracts.project import Project
from baton_eventlog.append import Append, NewEvent, arguments
from baton_eventlog.sql import QUERIES
from baton_runtime.loop import Decision
from baton_runtime.messages import Inbound
from bench.caching import running
from bench.databases import connection, database
from bench.filling import FILLING, fill
from bench.rounds import Contender, call_all, interleave
from bench.scale import Scale
from bench.table import Goal, Row, compare
from support.logs import Log, open_log

_BATCH: Final = 100
_PROJECTS: Final = 1000
_ASKED: Final = AgentMessage(task_id=UUID(int=1), agent_type="analyst", message="How far are you?")
_AGELESS: Final = Goal(most=1.3)


async def measure(server: str, scale: Scale) -> list[Row]:
    """Measure a log of a million events beside one of ten thousand."""
    async with AsyncExitStack() as stack:
        sizes = {"old": scale.of(1_000_000), "young": 10_000}
        appends: dict[str, Contender] = {}
        decisions: dict[str, Contender] = {}
        for age, events in sizes.items():
            dsn = await stack.enter_async_context(database(server, age))
            one = await stack.enter_async_context(connection(dsn))
            sizes[age] = await fill(one, events)
            log = await stack.enter_async_context(open_log(dsn))
            versions = {row["project_id"]: row["version"] for row in await one.fetch(FILLING["projects"], _PROJECTS)}
            appends[age] = _appending(one, versions)
            decisions[age] = _deciding(log, list(versions))
        rounds = scale.of(20, least=3)
        appended, decided = await interleave(appends, rounds), await interleave(decisions, rounds)
    ages = f"with {sizes['old']:,} events in the log, beside {sizes['young']:,}"
    return [
        compare(f"append of an event {ages}", appended["old"], appended["young"], unit="time", goal=_AGELESS),
        compare(f"load, decide and append {ages}", decided["old"], decided["young"], unit="time", goal=_AGELESS),
    ]


def _appending(to: asyncpg.Connection, versions: dict[UUID, int]) -> Contender:
    """Append to projects of the log, 100 at a time; seconds an event."""
    projects = list(versions)

    def command(project: UUID) -> Append:
        event = NewEvent.of(AgentMessage(task_id=project, agent_type="analyst", message="x" * 250))
        versions[project] += 1
        return Append(
            project, "orchestrator", [event], versions[project] - 1, "system", uuid7(), uuid7(), project, "0" * 64, "{}"
        )

    async def turn() -> float:
        calls = []
        for _ in range(4):
            projects[:] = projects[_BATCH:] + projects[:_BATCH]
            calls.append(arguments([command(project) for project in projects[:_BATCH]]))
        return await call_all(to, QUERIES["append"], calls) / (4 * _BATCH)

    return turn


def _deciding(log: Log, projects: list[UUID]) -> Contender:
    """Settle messages of 100 projects by a batch loop that knows none of them yet; seconds a message."""

    def say(state: Project, _: Inbound) -> Decision:
        return Decision((AgentMessage(task_id=uuid7(), agent_type="analyst", message=f"{len(state.tasks)} tasks"),))

    async def turn() -> float:
        projects[:] = projects[_BATCH:] + projects[:_BATCH]
        asked = [Inbound(uuid7(), project, _ASKED) for project in projects[:_BATCH]]
        async with running(log, say) as loop:
            started = perf_counter()
            await asyncio.gather(*map(loop.ask, asked))
            return (perf_counter() - started) / _BATCH

    return turn
