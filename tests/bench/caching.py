"""Whether a decision takes longer in a project with a long history, when its state is in memory.

One project has 5 thousand events, one has 50; each has a task at work, and the agent-runner's own decision on a
report of progress is settled by the batch loop, one after the other and in turn.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from itertools import count, islice
from time import perf_counter
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from baton_agent_runner.decide import ReportProgress, decide
from baton_contracts.events import Payload, ProjectCompleted, TaskStart
from baton_contracts.project import Project
from baton_eventlog.append import Append, NewEvent, Outcome
from baton_runtime.loop import Decide, Decision, Loop
from baton_runtime.messages import Inbound
from bench.databases import database
from bench.rounds import Contender, interleave
from bench.scale import Scale
from bench.story import LEAN, block_of, named, story, texts
from bench.table import Goal, Row, compare
from support.logs import Log, open_log

_EVENTS: Final = {"long": 5000, "short": 50}
_TIMES: Final = 50
_AS_FAST: Final = Goal(most=1.2)


@contextlib.asynccontextmanager
async def running(log: Log, decision: Decide) -> AsyncIterator[Loop]:
    """Run a batch loop that knows no project yet."""
    loop = Loop("bench", log.pool, log.appender, decision)
    working = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def runner_decides(state: Project, inbound: Inbound) -> Decision:
    """Decide as the agent-runner does."""
    events = decide(state, inbound.what)
    assert events
    return Decision(events)


def history(block: str) -> Iterator[Payload]:
    """Give run after run in one project that never ends."""
    for number in count():
        for payload in story(block, texts(LEAN), first=1000 * number):
            if not isinstance(payload, ProjectCompleted):
                yield payload


async def measure(server: str, scale: Scale) -> list[Row]:
    """Measure a project with 5 thousand events beside one with 50; not smaller at any scale."""
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(database(server, "cached"))
        log = await stack.enter_async_context(open_log(dsn))
        loop = await stack.enter_async_context(running(log, runner_decides))
        contenders = {name: _asking(loop, await _tell(log, name, events)) for name, events in _EVENTS.items()}
        figures = await interleave(contenders, scale.of(20, least=3))
    what = f"decision in a project with {_EVENTS['long']:,} events, beside {_EVENTS['short']}"
    return [compare(what, figures["long"], figures["short"], unit="time", goal=_AS_FAST)]


async def _tell(log: Log, name: str, events: int) -> ReportProgress:
    """Append a history up to a task that has just been started; return a report on it."""
    block = block_of(name)
    told = list(islice(history(block), events))
    while not isinstance(told[-1], TaskStart):
        told.pop()
    for first in range(0, len(told), 50):
        part = [NewEvent.of(payload) for payload in told[first : first + 50]]
        (outcome,) = await log.appender.append([Append(named(block, 0), "bench", part, first, "system")])
        assert isinstance(outcome, Outcome), outcome
        assert outcome.kind == "ok", outcome
    start = told[-1]
    return ReportProgress(
        project_id=named(block, 0), task_id=start.task_id, attempt=1, runner_id=start.runner_id, progress=1, stage="on"
    )


def _asking(loop: Loop, report: ReportProgress) -> Contender:
    """Have a report settled again and again; seconds a decision, from the question to the answer."""

    def inbound() -> Inbound:
        message: UUID = uuid7()
        return Inbound(message, report.project_id, report)

    async def turn() -> float:
        started = perf_counter()
        for _ in range(_TIMES):
            settled = await loop.ask(inbound())
            assert settled.events
        return (perf_counter() - started) / _TIMES

    return turn
