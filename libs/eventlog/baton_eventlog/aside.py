"""A second set of the projected tables, filled from the log beside the live one, which serves on.

The tables are cloned by catalog, with their names, keys, references, rights and owners, so a migration that changes
them needs nothing here. Until `finish` they have only the keys that filling them needs. They are filled in ranges,
each its own short transaction, so memory stays flat and nothing waits for them. One aside exists at a time (an
advisory lock); what an interrupted one left behind is dropped when the next one begins.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Final

import asyncpg

from baton_eventlog.database import close_quietly, connect
from baton_eventlog.sql import load_queries

STATEMENTS: Final = load_queries("baton_eventlog", "rebuild.sql")
NEXT: Final = "projections_next"
OLD: Final = "projections_old"
STRIDE: Final = 10_000  # fewer cost a tenth of the speed, more only memory
HOURS: Final = 24 * 3600.0
_PATIENCE: Final = 10.0
_PAUSE: Final = 0.1
_SESSION: Final = {
    "search_path": f"{NEXT}, public",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "200ms",  # whoever queues behind a lock that is waited for waits no longer than this
    "work_mem": "32MB",
}
Report = Callable[[int, int], None]
"""Is told how far it is: the position reached, and the one to reach."""


class RebuildRefused(Exception):
    """The rebuild cannot be done now, or not like this; the tables that serve are as they were."""


class Aside:
    """Tables beside the live ones that show the log up to `position`."""

    def __init__(self, connection: asyncpg.Connection, report: Report) -> None:
        self.connection = connection
        self.position = 0
        self._report = report
        self._shape: list[asyncpg.Record] = []

    @property
    def tables(self) -> list[str]:
        """The names of the projected tables."""
        return [name for step, name, _ in self._shape if step == "table"]

    def require(self, *projections: str) -> None:
        """Raise `RebuildRefused` for a name that is no projected table's."""
        for name in projections:
            if name not in self.tables:
                raise RebuildRefused(f"There is no projection {name}; there are {', '.join(self.tables)}.")

    async def begin(self) -> None:
        """Drop what was left behind and make the empty tables."""
        await drop(self.connection, NEXT, OLD)
        async with self.connection.transaction():
            await self.connection.execute("SET LOCAL search_path = projections, public")
            self._shape = await self.connection.fetch(STATEMENTS["shape"])
        async with self.connection.transaction():
            await self.connection.execute(f"CREATE SCHEMA {NEXT}")
            await self._take("table", "option", "key")

    async def _take(self, *steps: str) -> None:
        for wanted in steps:
            for step, _, statement in self._shape:
                if step == wanted:
                    await self.connection.execute(statement, timeout=HOURS)

    async def shown(self) -> int:
        """Return the position that the live tables show. Raises `RebuildRefused` where the log does not reach it."""
        ((shown, head),) = await self.connection.fetch(STATEMENTS["shown"])
        if shown > head:
            raise RebuildRefused(
                f"The tables show position {shown}, but the log ends at {head}: it is another log, or an older copy. "
                f"Stop Baton, set the position of `projector` in the table checkpoints to {head}, and rebuild."
            )
        return int(shown)

    async def fill(self) -> None:
        """Fill the tables up to where the live ones are; when it ends, those are a few events ahead at most."""
        behind = STRIDE + 1
        while behind > STRIDE:
            target = await self.shown()
            behind = target - self.position
            await self.project(min(self.position + STRIDE, target), target)

    async def project(self, high: int, target: int) -> None:
        """Project the events up to a position, on the way to `target`."""
        if high < self.position:
            raise RebuildRefused(f"The checkpoint was set back to {high} meanwhile; rebuild again.")
        await self.connection.execute("SELECT project_range($1, $2)", self.position, high, timeout=HOURS)
        self.position = high
        self._report(high, target)

    async def finish(self) -> None:
        """Give the filled tables all that the live ones have: indexes, references, statistics, owners and rights."""
        async with self.connection.transaction():
            await self.connection.execute("SET LOCAL lock_timeout = '60s'")  # autovacuum may be at these tables
            await self._take("late key", "index", "reference")
            await self.connection.execute("SET LOCAL default_statistics_target = 10")  # enough to choose an index by
            await self._take("statistics")
            await self._take("right", "owner")


@contextlib.asynccontextmanager
async def open_aside(dsn: str, report: Report) -> AsyncIterator[Aside]:
    """Give empty tables beside the live ones; dropped at the end, unless they were renamed.

    Raises `RebuildRefused` when another rebuild is at work, or one of `UNAVAILABLE`.
    """
    connection = await connect(dsn, name="baton-rebuild", **_SESSION)
    try:
        await connection.execute("SET synchronous_commit = off")  # what is lost with the server is made again
        await _be_the_only_one(connection)
        aside = Aside(connection, report)
        await aside.begin()
        yield aside
        await drop(connection, NEXT)
    except asyncpg.InvalidSchemaNameError as error:
        raise RebuildRefused("The database has no projected tables yet; run `baton db up` first.") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise RebuildRefused(f"This login may not make tables ({error}); rebuild as the database's owner.") from error
    finally:
        await close_quietly(connection)


async def _be_the_only_one(connection: asyncpg.Connection) -> None:
    """Take the lock of rebuilds; one that was killed may hold it until PostgreSQL notices."""
    end = monotonic() + _PATIENCE
    while not await connection.fetchval("SELECT pg_try_advisory_lock(hashtext('baton-rebuild'))"):
        if monotonic() > end:
            raise RebuildRefused("Another rebuild is at work on this database; wait until it is done, or end it.")
        await asyncio.sleep(_PAUSE)


async def drop(connection: asyncpg.Connection, *schemas: str) -> None:
    """Drop schemas that serve nobody any more, waiting for open transactions that still read them.

    Raises `RebuildRefused` when one has not ended after 10 s.
    """
    end = monotonic() + _PATIENCE
    for schema in schemas:
        while not await _dropped(connection, schema):
            if monotonic() > end:
                raise RebuildRefused(
                    f"The schema {schema} is left from a rebuild and an open transaction still reads it. It serves "
                    "nobody else; end that transaction, and the next rebuild removes the schema."
                )
            await asyncio.sleep(_PAUSE)


async def _dropped(connection: asyncpg.Connection, schema: str) -> bool:
    try:
        await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE", timeout=HOURS)
    except asyncpg.LockNotAvailableError:
        return False
    return True
