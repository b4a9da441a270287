"""The projector: one gateway of all folds the log into the tables that everybody reads.

The tables and the checkpoint move in one statement. The checkpoint moves by compare-and-set, first, so that of two
who believe they lead only one can write. No event passes through Python.

A range that takes too long is halved until it does not. A blob that is not there as it was written is logged and
passed. What PostgreSQL gives up (a lock, a deadlock, a standby) costs the leadership: whoever leads next tries again.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import asyncpg
import structlog

from baton_eventlog.leader import LeadershipLost
from baton_eventlog.reader import wait_until
from baton_eventlog.sql import QUERIES
from baton_gateway.freshness import Freshness
from baton_gateway.reading import PROJECTOR, READS, fetch_value
from baton_runtime.host import Host

log = structlog.get_logger("baton.projector")
_MOST: Final = 1000
_DEADLINE: Final = 10.0
_CEILING: Final = 0.5


@dataclass(slots=True)
class Stride:
    """How many positions one statement projects: half as many after it took too long, twice as many after it did."""

    length: int = _MOST

    def shorten(self) -> bool:
        """Halve it; False where there is nothing to halve."""
        shorter = self.length > 1
        self.length = max(1, self.length // 2)
        return shorter

    def lengthen(self) -> None:
        """Double it, up to where it began."""
        self.length = min(_MOST, self.length * 2)


async def project(host: Host, freshness: Freshness) -> None:
    """Keep the tables up to date, for ever. Raises `LeadershipLost`, or one of `UNAVAILABLE`."""
    reached: int = await fetch_value(host.pool, QUERIES["checkpoint"], PROJECTOR)
    freshness.note(reached)
    stride = Stride()
    with host.signal.listening() as grown, freshness.leading():
        while True:
            grown.clear()
            after = await _turn(host, reached, stride)
            if after > reached:
                reached = after
                freshness.note(reached)
            else:
                await wait_until(grown, _CEILING)


async def _turn(host: Host, reached: int, stride: Stride) -> int:
    """Project what follows, a stride at most; return the position that the tables show now."""
    try:
        moved = await _move(host.pool, reached, stride)
    except asyncpg.ReadOnlySQLTransactionError as error:  # a standby, or fenced off: what is there can be read on
        raise LeadershipLost("PostgreSQL takes no writes; the tables stand still until it does") from error
    except asyncpg.TransactionRollbackError as error:
        raise LeadershipLost("PostgreSQL chose this transaction to give way to another one") from error
    if moved is not None:
        return moved
    found = await fetch_value(host.pool, QUERIES["checkpoint"], PROJECTOR)
    if found != reached:
        raise LeadershipLost(f"The projector's checkpoint is {found}, not {reached}: another gateway moved it")
    return reached


async def _move(pool: asyncpg.Pool, reached: int, stride: Stride) -> int | None:
    """Project the next stride, the longest that can be done in time; return the position that it led to, if any."""
    while True:
        try:
            moved = await _project(pool, reached, stride.length)
        except (TimeoutError, asyncpg.QueryCanceledError):
            if not stride.shorten():
                raise
            log.warning("range_took_too_long", after=reached, next_try=stride.length)
        else:
            stride.lengthen()
            return moved


async def _project(pool: asyncpg.Pool, reached: int, length: int) -> int | None:
    async with asyncio.timeout(_DEADLINE), pool.acquire() as connection:
        connection.add_log_listener(_pass_on)
        try:
            row = await connection.fetchrow(READS["project"], reached, length)
        finally:
            connection.remove_log_listener(_pass_on)
    return int(row["position"]) if row else None


def _pass_on(_: object, message: asyncpg.PostgresLogMessage) -> None:
    """Say in our log which blob PostgreSQL could not put in its place."""
    if message.sqlstate == asyncpg.DataCorruptedError.sqlstate:
        log.error("blob_broken", reason=message.message, hint=message.hint)
