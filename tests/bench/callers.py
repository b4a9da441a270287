"""What batching gives: many callers in one process, each with one event at a time, beside one caller alone."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from time import perf_counter
from typing import Final

from baton_eventlog.append import Append, Outcome
from bench.databases import database
from bench.feed import Feed
from bench.rounds import Contender, interleave
from bench.scale import Scale
from bench.table import Goal, Row, compare
from support.logs import Log, open_log

_CALLERS: Final = 8


async def append_one(log: Log, command: Append) -> float:
    """Append one command, expecting that all is well; return the seconds that it took."""
    started = perf_counter()
    (outcome,) = await log.appender.append([command])
    elapsed = perf_counter() - started
    assert isinstance(outcome, Outcome), outcome
    assert outcome.kind == "ok", outcome
    return elapsed


def calling(log: Log, feed: Feed, callers: int, times: int) -> Contender:
    """Let callers append one event after the other; all together, in events a second."""

    async def call(commands: Sequence[Append]) -> None:
        for command in commands:
            await append_one(log, command)

    async def turn() -> float:
        shares = list(zip(*feed.batches(times, callers), strict=True))
        started = perf_counter()
        await asyncio.gather(*(call(share) for share in shares))
        return callers * times / (perf_counter() - started)

    return turn


async def measure(server: str, scale: Scale) -> list[Row]:
    """Measure 8 callers beside one."""
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(database(server, "callers"))
        log = await stack.enter_async_context(open_log(dsn))
        feed = Feed("callers")
        contenders = {"many": calling(log, feed, _CALLERS, 100), "one": calling(log, feed, 1, 200)}
        figures = await interleave(contenders, scale.of(20, least=3))
    goal = Goal(least=4)
    return [compare(f"{_CALLERS} callers of one Appender, beside one", figures["many"], figures["one"], goal=goal)]
