"""Moving a log: every event as one line of JSON, with its position, time and hash, into an empty database.

The first line names the log's epoch and head; after the events come the blobs that they name. Both ways recompute
the chain: a broken log is not exported, and a file is imported whole, in one transaction, or not at all. JSON is made
and taken apart by PostgreSQL, so that a number keeps its digits and with them its hash. Memory stays flat. An
imported log has a new epoch and no seals yet; what was outstanding is sent again, and what had been settled leads to
nothing a second time, because decisions look at the project's state. Bundles are not in the log: copy the object
store too, or have them made again.
"""

from collections.abc import AsyncIterator
from typing import BinaryIO, Final

import asyncpg

from baton_eventlog.blob_table import keep_blobs
from baton_eventlog.blobs import Blob
from baton_eventlog.exported import BadLine, Header, read_blob, read_events, read_header
from baton_eventlog.proof import (
    GENESIS,
    Anchor,
    LogAltered,
    Progress,
    Source,
    ignore,
    read_bounds,
    verify_blobs,
    verify_range,
)
from baton_eventlog.sql import load_queries

TRANSFERS: Final = load_queries("baton_eventlog", "transfer.sql")
_RANGE: Final = 200
_REFUSED: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
_PROJECTED: Final = 10_000
_DEADLINE: Final = 300.0


class NotEmpty(Exception):
    """A log is imported into an empty database only: this one holds events already. Take a new one."""


async def export_lines(source: Source, progress: Progress = ignore) -> AsyncIterator[str]:
    """Yield the log up to its present head, line by line. Raises `LogAltered` at the first that is not as appended."""
    bounds = await read_bounds(source)
    head, reached = bounds.head, Anchor(0, GENESIS)
    yield Header(epoch=bounds.epoch, position=head.position, hash=head.hash.hex()).model_dump_json()
    while reached.position < head.position:
        high = min(reached.position + _RANGE, head.position)
        digest = await verify_range(source, reached, high)
        await verify_blobs(source, reached.position, high)
        for row in await source.fetch(TRANSFERS["export_range"], reached.position, high, timeout=_DEADLINE):
            yield row["line"]
        reached = Anchor(high, digest)
        progress(high, head.position)
    sha256 = ""
    while blob := await source.fetchrow(TRANSFERS["export_blob"], sha256, timeout=_DEADLINE):
        yield blob["line"]
        sha256 = blob["sha256"]


async def import_lines(connection: asyncpg.Connection, file: BinaryIO, progress: Progress = ignore) -> Anchor:
    """Import an exported log, and fill the tables from it; return its head.

    Raises `BadLine` for the first line that is not as exported, or `NotEmpty`; nothing is changed then.
    """
    async with connection.transaction():
        if not await connection.fetchval(TRANSFERS["lock_empty_log"]):
            raise NotEmpty(
                "This database has a log already, maybe that of a Baton that was started once. Import into a new one."
            )
        header = read_header(file)
        head = await _import_events(connection, file, header, progress)
        await _import_blobs(connection, file, header.position)
        if head.position:
            await connection.execute(TRANSFERS["set_head"], head.position)
            await _project(connection, head.position)
    return head


async def _import_events(connection: asyncpg.Connection, file: BinaryIO, header: Header, progress: Progress) -> Anchor:
    reached = Anchor(0, GENESIS)
    while lines := read_events(file, reached.position, header.position):
        await _insert(connection, lines, reached.position + 2)
        reached = await _verify(connection, reached, reached.position + len(lines))
        progress(reached.position, header.position)
    if reached.position < header.position:
        raise BadLine(reached.position + 2, f"the file ends at position {reached.position} of {header.position}")
    if reached.hash.hex() != header.hash:
        raise BadLine(1, f"the header's hash is not that of position {header.position}")
    return reached


async def _import_blobs(connection: asyncpg.Connection, file: BinaryIO, head: int) -> None:
    number = head + 2
    while blob := read_blob(file, number):
        try:
            await keep_blobs(connection, [Blob(blob.sha256, blob.content)])
        except _REFUSED as error:
            raise BadLine(number, f"the blob is not the one that was exported ({error})") from error
        number += 1
    try:
        await verify_blobs(connection, 0, head)
    except LogAltered as error:
        raise BadLine(error.position + 1, f"{error}: its line was left out") from error


async def _verify(connection: asyncpg.Connection, reached: Anchor, high: int) -> Anchor:
    try:
        return Anchor(high, await verify_range(connection, reached, high))
    except LogAltered as error:
        raise BadLine(error.position + 1, f"the event is not the one that was exported ({error})") from error


async def _insert(connection: asyncpg.Connection, lines: list[str], first: int) -> None:
    """Write lines; those that PostgreSQL refuses are split until the culprit stands alone. Raises `BadLine`."""
    try:
        async with connection.transaction():
            await connection.execute(TRANSFERS["import_lines"], lines, timeout=_DEADLINE)
    except _REFUSED as error:
        if len(lines) == 1:
            raise BadLine(first, f"PostgreSQL refuses the event ({error})") from error
        middle = len(lines) // 2
        await _insert(connection, lines[:middle], first)
        await _insert(connection, lines[middle:], first + middle)


async def _project(connection: asyncpg.Connection, head: int) -> None:
    for low in range(0, head, _PROJECTED):
        await connection.execute(TRANSFERS["project"], low, min(low + _PROJECTED, head), timeout=_DEADLINE)
    await connection.execute(TRANSFERS["projected"], head)
