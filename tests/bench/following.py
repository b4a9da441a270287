"""How long after a commit a follower has the event, while little happens.

From the commit: the appender has the outcome in hand. From the call: before the append is sent, which is what the
floor (a bare insert with NOTIFY in its transaction, to a listener that reads nothing) is measured from as well.
"""

import asyncio
from contextlib import AsyncExitStack
from time import monotonic
from typing import Final

from baton_eventlog.append import Outcome
from baton_eventlog.reader import follow
from bench.bare import FLOORS, BareRows, make_floors
from bench.crew import Crew, Start
from bench.databases import connection, database
from bench.feed import Feed
from bench.scale import Scale
from bench.table import Row, milliseconds, percentile
from support.logs import Log, open_log

_PAUSE: Final = 0.02
_MIDDLE: Final = 0.0008
_TAIL: Final = 0.010
Moments = dict[int, float]


def watch(start: Start, dsn: str, events: int) -> Moments:
    """Follow the log in a process of its own; return when each position came, on the machine's clock."""

    async def run() -> Moments:
        async with open_log(dsn) as log:
            await log.pool.fetchval("SELECT 1")
            await asyncio.to_thread(start)
            return await _watch(log, events)

    return asyncio.run(run())


async def _watch(log: Log, events: int) -> Moments:
    seen: Moments = {}
    async for batch in follow(log.pool, log.signal, 0):
        now = monotonic()
        seen |= {event.position: now for event in batch}
        if len(seen) >= events:
            break
    return seen


async def _append_slowly(log: Log, events: int) -> tuple[Moments, Moments]:
    """Append one event after the other with pauses; return when each was sent, and when its outcome was there."""
    sent: Moments = {}
    committed: Moments = {}
    feed = Feed("slow")
    for _ in range(events):
        await asyncio.sleep(_PAUSE)
        commands, before = feed.take(1), monotonic()
        (outcome,) = await log.appender.append(commands)
        assert isinstance(outcome, Outcome), outcome
        sent[outcome.position], committed[outcome.position] = before, monotonic()
    return sent, committed


async def measure(server: str, scale: Scale) -> list[Row]:
    """Measure a follower in another process, then one in this."""
    events = scale.of(1000, least=50)
    rows: list[Row] = []
    for where in ("another process", "the same process"):
        async with AsyncExitStack() as stack:
            dsn = await stack.enter_async_context(database(server, "follow"))
            log = await stack.enter_async_context(open_log(dsn))
            if where == "another process":
                crew = await stack.enter_async_context(Crew(watch, [(dsn, events)]))
                await crew.start()
                sent, committed = await _append_slowly(log, events)
                (seen,) = await crew.answers(60)
            else:
                watching = asyncio.create_task(_watch(log, events))
                sent, committed = await _append_slowly(log, events)
                seen = await asyncio.wait_for(watching, 60)
            floors = await _notify_slowly(dsn, events)
        rows += _rows(where, sent, committed, seen, floors)
    return rows


async def _notify_slowly(dsn: str, events: int) -> list[float]:
    """Insert bare rows that notify, with the same pauses; return the seconds from each call to the listener."""
    samples: list[float] = []
    async with connection(dsn) as writer, connection(dsn) as listener:
        await make_floors(writer)
        heard = asyncio.Event()
        await listener.add_listener("bench", lambda *_: heard.set())
        rows, feed = BareRows(), Feed("notify")
        for _ in range(events):
            await asyncio.sleep(_PAUSE)
            row, before = rows.row(feed.take(1)[0]), monotonic()
            heard.clear()
            inserting = asyncio.create_task(writer.fetch(FLOORS["bare_notify"], *row))
            await heard.wait()
            samples.append(monotonic() - before)
            await inserting
    return samples


def _rows(where: str, sent: Moments, committed: Moments, seen: Moments, floors: list[float]) -> list[Row]:
    after_commit = [max(0.0, seen[position] - moment) for position, moment in committed.items()]
    after_call = [seen[position] - moment for position, moment in sent.items()]
    middle, tail = percentile(after_commit, 50), percentile(after_commit, 99)
    call, floor = percentile(after_call, 50), percentile(floors, 50)
    commit, heard = f"commit to follower in {where}", f"{milliseconds(floor)} to a listener"
    return [
        Row(f"{commit}, p50", milliseconds(middle), goal="under 0.8 ms", met=middle < _MIDDLE),
        Row(f"{commit}, p99", milliseconds(tail), goal="under 10 ms", met=tail < _TAIL),
        Row(
            f"call to follower in {where}, p50",
            milliseconds(call),
            heard,
            call / floor,
        ),
    ]
