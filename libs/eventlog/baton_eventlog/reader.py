"""Reading the log: by stream for decisions, by position for followers."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
import structlog

from baton_contracts.events import Event, parse_payload
from baton_eventlog.blob_table import Source, fetch_blobs
from baton_eventlog.blobs import LISTED, BlobMissing, Reference, references, restored
from baton_eventlog.database import UNAVAILABLE
from baton_eventlog.signal import LogSignal
from baton_eventlog.sql import QUERIES

log = structlog.get_logger("baton.reader")
_RETRY: Final = 0.2
_MAX_BLOBS: Final = 32 << 20
Row = asyncpg.Record | dict[str, Any]
_NO_BLOBS: Final[Mapping[str, Any]] = MappingProxyType({})


class LogGap(Exception):
    """A position is missing: the log was altered, or this is another log than the one that was followed before."""


class LogRewound(Exception):
    """The log ends before the position that was reached: it was restored, or a failover lost its tail. Begin again."""


def event_of(row: Row, blobs: Mapping[str, Any] = _NO_BLOBS) -> Event:
    """Return a row of the log as an event; raises `BlobMissing` where it names a blob that is not given."""
    content = restored(orjson.loads(row["payload"]), blobs)
    return Event(
        id=row["id"],
        project_id=row["project_id"],
        timestamp=row["timestamp"],
        position=row["position"],
        version=row["version"],
        actor=row["actor"],
        causation_id=row["causation_id"],
        correlation_id=row["correlation_id"],
        payload=parse_payload(row["event_type"], content, row["schema_version"]),
        size=len(row["payload"]) + sum(one.size for one in _references(row)),
    )


async def events_of(source: Source, rows: Sequence[asyncpg.Record]) -> list[Event]:
    """Return rows of the log as events; all blobs that they name take one query. Raises `BlobMissing`."""
    named = {one.sha256 for row in rows for one in _references(row)}
    if not named:
        return [event_of(row) for row in rows]
    blobs = {digest: orjson.loads(text) for digest, text in (await fetch_blobs(source, named)).items()}
    return [event_of(row, blobs) for row in rows]


async def batches_of(source: Source, rows: Sequence[asyncpg.Record]) -> AsyncIterator[list[Event]]:
    """Yield rows of the log as events, in batches whose blobs fit into memory. Raises `BlobMissing`."""
    while rows:
        batch = _within_memory(rows)
        rows = rows[len(batch) :]
        yield await events_of(source, batch)


def _references(row: Row) -> list[Reference]:
    """Return the blobs that a row names; without any, its payload is not parsed for it."""
    payload: str = row["payload"]
    return references(orjson.loads(payload)) if LISTED in payload else []


async def load(pool: asyncpg.Pool, streams: Mapping[UUID, int]) -> list[Event]:
    """Return the events of these streams after these versions, by stream and in order, in one query."""
    rows = await pool.fetch(QUERIES["load"], list(streams), list(streams.values()))
    return await events_of(pool, rows)


async def load_until(
    pool: asyncpg.Pool, project_id: UUID, position: int, moment: datetime, tenant: str | None
) -> list[Event]:
    """Return a stream's events at or before both a position and a moment, in order; none where it is not the tenant's.

    To no tenant (None) every stream is there.
    """
    return await events_of(pool, await pool.fetch(QUERIES["load_until"], project_id, position, moment, tenant))


async def read(pool: asyncpg.Pool, after: int, limit: int) -> list[Event]:
    """Return the events that follow a position, `limit` at most, and fewer where their blobs are large.

    An event whose blob is missing is logged and given as `UnknownPayload`, so that it stops nobody who follows.
    Raises `LogGap` where one is missing, `LogRewound` where the log ends before `after`.
    """
    rows = _within_memory(await pool.fetch(QUERIES["read"], after, limit))
    prove_density(after, (row["position"] for row in rows))
    if not rows and await pool.fetchval(QUERIES["head"]) < after:
        raise LogRewound(f"The log ends before position {after}, which was reached before")
    return await _readable_events(pool, rows)


async def read_stream(pool: asyncpg.Pool, project_id: UUID, after: int, until: int, limit: int) -> list[Event]:
    """Return a stream's events at positions in (after, until], `limit` at most, and fewer where blobs are large.

    What cannot be read is given as `UnknownPayload`, as in `read`.
    """
    rows = await pool.fetch(QUERIES["read_stream"], project_id, after, until, limit)
    return await _readable_events(pool, _within_memory(rows))


async def _readable_events(pool: asyncpg.Pool, rows: Sequence[asyncpg.Record]) -> list[Event]:
    try:
        return await events_of(pool, rows)
    except BlobMissing:
        return [event for row in rows for event in await _readable(pool, row)]


async def _readable(pool: asyncpg.Pool, row: asyncpg.Record) -> list[Event]:
    """Return one row as an event, whatever it names."""
    try:
        return await events_of(pool, [row])
    except BlobMissing as error:
        log.error("blob_missing", position=row["position"], reason=str(error))  # noqa: TRY400 - a traceback tells no more
        unreadable = dict(row) | {"event_type": "unreadable", "payload": "{}"}
        return [event_of(unreadable)]


def _within_memory(rows: Sequence[asyncpg.Record]) -> Sequence[asyncpg.Record]:
    """Return the first rows, one at least, whose blobs have 32 MiB together at most."""
    sizes = accumulate(sum(one.size for one in _references(row)) for row in rows)
    return rows[: max(1, sum(1 for size in sizes if size <= _MAX_BLOBS))]


def prove_density(after: int, positions: Iterable[int]) -> None:
    """Raise `LogGap` unless the positions are after+1, after+2, and so on."""
    for expected, position in enumerate(positions, start=after + 1):
        if position != expected:
            raise LogGap(f"Position {expected} of the log is missing (found {position}); stop and verify the log")


async def follow(
    pool: asyncpg.Pool, signal: LogSignal, after: int, *, limit: int = 500, ceiling: float = 0.5
) -> AsyncIterator[list[Event]]:
    """Yield every event after a position, in batches, for ever.

    Waits for the signal, and `ceiling` seconds at most. While PostgreSQL is away it waits; `LogGap` and `LogRewound`
    end it.
    """
    with signal.listening() as grown:
        while True:
            grown.clear()
            try:
                events = signal.tail.after(after, limit) or await read(pool, after, limit)
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
