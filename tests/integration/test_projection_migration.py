"""A database that was made before migration 0006 shows after it what a database made today shows."""

from uuid import uuid4

import asyncpg
import pytest

from baton_eventlog.append import arguments
from baton_eventlog.comparison import compare
from baton_eventlog.database import close_quietly, connect
from baton_eventlog.migrations import migrate, read_scripts
from baton_eventlog.role import with_role
from baton_eventlog.sql import QUERIES
from support.histories import short_story
from support.logs import command
from support.stories import PROJECT
from support.tales import TABLES, whole_story

MOVE = "UPDATE checkpoints SET position = $1 WHERE name = 'projector'"
COUNTS = ("projects", "tasks", "context_artifacts", "hitl_requests", "workflow_executions", "timers")


async def tell(connection: asyncpg.Connection) -> int:
    """Append a long and a short story; return the head."""
    for project, story in ((PROJECT, whole_story()), (uuid4(), short_story())):
        await connection.fetch(QUERIES["append"], *arguments([command(project, *story)]))
    return int(await connection.fetchval(QUERIES["head"]))


async def counts(connection: asyncpg.Connection) -> dict[str, int]:
    return {
        table: await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - ours
        for table in COUNTS
    }


@pytest.mark.parametrize("ahead", [0, 3])
async def test_the_tables_are_filled_again_up_to_the_projectors_checkpoint(database: str, ahead: int) -> None:
    """Also where the log is ahead of it: what follows is the projector's. A rebuild finds nothing to correct."""
    await migrate(database, read_scripts()[:5])
    connection = await connect(database, name="test")
    try:
        shown = await tell(connection) - ahead
        await connection.execute("SELECT project_range(0, $1)", shown)
        await connection.execute(MOVE, shown)
        before = await counts(connection)
        bundled = await connection.fetch("SELECT id, updated_at FROM projects ORDER BY id")
        assert await migrate(database) == [name for name, _ in read_scripts()[5:]]
        assert await counts(connection) == before
        assert await connection.fetch("SELECT id, updated_at FROM projects ORDER BY id") == bundled
        assert await connection.fetchval("SELECT max(position) FROM agent_status") <= shown
        found = await compare(database, lambda _done, _all: None)
        assert (found.position, found.first) == (shown, ())
    finally:
        await close_quietly(connection)


async def test_the_services_may_read_and_write_every_projected_table(database: str) -> None:
    """Those that a migration adds included."""
    await migrate(database)
    app = await connect(with_role(database), name="test")
    try:
        for table in TABLES:
            await app.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
        await app.execute("SELECT project_range(0, 1)")
    finally:
        await close_quietly(app)
