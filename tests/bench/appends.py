"""What an append costs with every check on, beside a bare insert of rows that differ in their ids alone."""

from contextlib import AsyncExitStack
from time import perf_counter
from typing import Final

import asyncpg

from baton_eventlog.append import Outcome, arguments
from baton_eventlog.sql import QUERIES
from bench.bare import FLOORS, BareRows, make_floors
from bench.databases import connection, database
from bench.feed import Feed, mean_bytes
from bench.rounds import Contender, call_all, interleave
from bench.scale import Scale
from bench.story import FULL, LEAN, Sizes
from bench.table import Goal, Row, compare
from support.logs import Log, open_log

_HALF: Final = Goal(least=0.5)


def checked(to: asyncpg.Connection, feed: Feed, batches: int, size: int) -> Contender:
    """Append batches by `append_batch` on one connection; events a second."""

    async def turn() -> float:
        calls = [arguments(batch) for batch in feed.batches(batches, size)]
        return batches * size / await call_all(to, QUERIES["append"], calls)

    return turn


def bare(to: asyncpg.Connection, feed: Feed, batches: int, size: int, *, floor: str = "bare") -> Contender:
    """Insert batches with `unnest`, or one row at a time for `bare_one`; events a second."""
    rows = BareRows()

    async def turn() -> float:
        commands = feed.batches(batches, size)
        calls = [rows.row(batch[0]) if floor == "bare_one" else rows.columns(batch) for batch in commands]
        return batches * size / await call_all(to, FLOORS[floor], calls)

    return turn


def appended(log: Log, feed: Feed, batches: int, size: int) -> Contender:
    """Append by the Appender, all batches of a round waiting when it starts (one by one where `size` is 1)."""

    async def turn() -> float:
        waiting = feed.batches(batches, size)
        if size > 1:
            waiting = [[command for batch in waiting for command in batch]]
        started = perf_counter()
        outcomes = [outcome for commands in waiting for outcome in await log.appender.append(commands)]
        elapsed = perf_counter() - started
        assert all(isinstance(outcome, Outcome) and outcome.kind == "ok" for outcome in outcomes)
        return batches * size / elapsed

    return turn


async def measure_batches(server: str, scale: Scale) -> list[Row]:
    """Measure batches of 100, with short texts and with the sizes of the demo's."""
    lean = await _measure(server, scale, size=100, sizes=LEAN, batches=20)
    full = await _measure(server, scale, size=100, sizes=FULL, batches=4)
    return [*lean, *(Row(row.measure, row.figure, row.floor, row.ratio) for row in full)]


async def measure_single(server: str, scale: Scale) -> list[Row]:
    """Measure batches of one."""
    return await _measure(server, scale, size=1, sizes=LEAN, batches=200)


async def _measure(server: str, scale: Scale, *, size: int, sizes: Sizes, batches: int) -> list[Row]:
    rounds = scale.of(30, least=3)
    insert = "bare" if size > 1 else "bare_one"
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(database(server, "append"))
        one, two, three = [await stack.enter_async_context(connection(dsn)) for _ in range(3)]
        await make_floors(one)
        log = await stack.enter_async_context(open_log(dsn))
        feeds = [Feed(f"{name}{size}", sizes=sizes) for name in ("checked", "bare", "keyed", "appended")]
        contenders = {
            "checked": checked(one, feeds[0], batches, size),
            "bare": bare(two, feeds[1], batches, size, floor=insert),
            "keyed": bare(three, feeds[2], batches, size, floor="bare_keyed"),
            "appended": appended(log, feeds[3], batches, size),
        }
        figures = await interleave(contenders, rounds)
    what = f"batches of {size}, payloads of {mean_bytes(Feed('mean', sizes=sizes)):,} bytes"
    return [
        compare(f"append_batch, {what}", figures["checked"], figures["bare"], goal=_HALF),
        compare("... beside a table with a primary key only", figures["checked"], figures["keyed"]),
        compare("... through the Appender in Python", figures["appended"], figures["bare"]),
    ]
