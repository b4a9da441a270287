"""Reading the log: by stream for decisions, by position for followers."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final
from uuid import UUID

import asyncpg
import orjson
import structlog

from baton_contracts.events import Event, parse_payload
from baton_eventlog.database import UNAVAILABLE
from baton_eventlog.signal import LogSignal
from baton_eventlog.sql import QUERIES

log = structlog.get_logger("baton.reader")
_RETRY: Final = 0.2


class LogGap(Exception):
    """A position is missing: the log was altered, or this is another log than the one that was followed before."""


def event_of(row: asyncpg.Record) -> Event:
    """Return a row of the log as an event."""
    return Event(
        id=row["id"],
        project_id=row["project_id"],
        timestamp=row["timestamp"],
        position=row["position"],
        version=row["version"],
        actor=row["actor"],
        causation_id=row["causation_id"],
        correlation_id=row["correlation_id"],
        payload=parse_payload(row["event_type"], orjson.loads(row["payload"])),
    )


async def load(pool: asyncpg.Pool, streams: Mapping[UUID, int]) -> list[Event]:
    """Return the events of these streams after these versions, by stream and in order, in one query."""
    rows = await pool.fetch(QUERIES["load"], list(streams), list(streams.values()))
    return [event_of(row) for row in rows]


async def read(pool: asyncpg.Pool, after: int, limit: int) -> list[Event]:
    """Return the events that follow a position. Raises `LogGap` where one is missing."""
    rows = await pool.fetch(QUERIES["read"], after, limit)
    events = [event_of(row) for row in rows]
    prove_density(after, (event.position for event in events))
    return events


def prove_density(after: int, positions: Iterable[int]) -> None:
    """Raise `LogGap` unless the positions are after+1, after+2, and so on."""
    for expected, position in enumerate(positions, start=after + 1):
        if position != expected:
            raise LogGap(f"Position {expected} of the log is missing (found {position}); stop and verify the log")


async def follow(
    pool: asyncpg.Pool, signal: LogSignal, after: int, *, limit: int = 500, ceiling: float = 0.5
) -> AsyncIterator[list[Event]]:
    """Yield every event after a position, in batches, for ever.

    Waits for the signal, and `ceiling` seconds at most. While PostgreSQL is away it waits; `LogGap` ends it.
    """
    with signal.listening() as grown:
        while True:
            grown.clear()
            try:
                events = await read(pool, after, limit)
            except UNAVAILABLE as error:
                log.warning("follower_waits_for_postgresql", error=type(error).__name__)
                await asyncio.sleep(_RETRY)
                continue
            if events:
                after = events[-1].position
                yield events
            else:
                await wait_until(grown, ceiling)


async def wait_until(event: asyncio.Event, ceiling: float) -> None:
    """Wait for the event, `ceiling` seconds at most."""
    try:
        async with asyncio.timeout(ceiling):
            await event.wait()
    except TimeoutError:
        return
