"""Making the projected tables again from the log while they are read and written.

The tables are filled aside; then one short transaction locks out the projector, brings them to exactly the position
that the live ones show, and renames the two schemas. Renaming locks no table, so no reader is waited for, not even
one with an open transaction: it reads the old tables to the end of its statement and the new ones from the next.
Both show the same position, so nobody reads anything stale whichever they meet. Prepared statements are planned again
by PostgreSQL itself; their result types stay, because types live outside of the schemas. Appends are not concerned.

Interrupted at any moment, the tables that serve are the old ones or the new ones, whole; what is left over is dropped
by the next rebuild. The one who must not span the switch is a REPEATABLE READ transaction: its snapshot is older than
the new rows. Views that others made on the tables do not follow, and are dropped with the old schema.
"""

import asyncio
from time import monotonic
from typing import Final

import asyncpg

from baton_eventlog.aside import HOURS, NEXT, OLD, STATEMENTS, STRIDE, Aside, RebuildRefused, Report, drop, open_aside

_PATIENCE: Final = 60.0
_PAUSE: Final = 0.05


async def rebuild(dsn: str, report: Report) -> int:
    """Fill all projected tables anew and put them in the place of the live ones; return the position they show.

    Raises `RebuildRefused`; with its word on the old schema still being read, the new tables serve already.
    """
    async with open_aside(dsn, report) as aside:
        await aside.fill()
        await aside.finish()
        end = monotonic() + _PATIENCE
        while not await _switch(aside):
            if monotonic() > end:
                raise RebuildRefused(
                    "The projector's checkpoint was never free long enough; try again at a calmer time."
                )
            await asyncio.sleep(_PAUSE)
        await drop(aside.connection, OLD)
        return aside.position


async def _switch(aside: Aside) -> bool:
    """Try to bring the tables up to date and rename the schemas; False where it has to be tried again.

    The lock is on the table, not the row: unlike a row's, it is let go only after all sessions have been told of the
    new names, so the projector cannot write to the old tables any more.
    """
    await aside.fill()
    connection = aside.connection
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit TO DEFAULT")
            await connection.execute("LOCK TABLE checkpoints IN EXCLUSIVE MODE")
            shown = await aside.shown()
            if shown - aside.position > STRIDE:
                return False
            await aside.project(shown, shown)
            await connection.execute(f"ALTER SCHEMA projections RENAME TO {OLD}")
            await connection.execute(f"ALTER SCHEMA {NEXT} RENAME TO projections")
    except asyncpg.LockNotAvailableError:
        return False
    return True


async def rebuild_one(dsn: str, projection: str, report: Report) -> int:
    """Correct one projected table from the log, in one transaction; return how many rows were wrong.

    A table that others refer to cannot be exchanged alone, and an exchange would wait for every reader: so all are
    filled aside, and the rows of this one that differ are deleted, inserted and updated. Writes to the tables wait
    meanwhile, reads do not. Raises `RebuildRefused` for a name that is none, and where rows of other tables refer to
    rows that the log does not know.
    """
    async with open_aside(dsn, report) as aside:
        aside.require(projection)
        await aside.fill()
        try:
            return await _correct(aside, projection)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise RebuildRefused(
                f"{projection} alone cannot be put right, because other tables are wrong too ({error}); rebuild all."
            ) from error


async def _correct(aside: Aside, table: str) -> int:
    connection = aside.connection
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit TO DEFAULT")
        await connection.execute("SET LOCAL lock_timeout = '10s'")
        shown = await connection.fetchval(STATEMENTS["lock_checkpoint"])
        await aside.project(shown, shown)
        (columns,) = await connection.fetch(STATEMENTS["columns"], table)
        removed = await connection.execute(STATEMENTS["remove_extra"].format(table=table), timeout=HOURS)
        corrected = await connection.execute(STATEMENTS["correct"].format(table=table, **dict(columns)), timeout=HOURS)
        return int(removed.split()[-1]) + int(corrected.split()[-1])
