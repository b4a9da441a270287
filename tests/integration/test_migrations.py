"""Numbered migrations: applied once each and in order, whole or not at all, and never changed afterwards."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest

from baton_eventlog.database import UNAVAILABLE, connect
from baton_eventlog.migrations import Migration, SchemaDrift, SchemaOwnerNeeded, migrate, read_scripts, status
from baton_eventlog.role import with_role
from support.waiting import eventually

ONE = ("0001_one.sql", "CREATE TABLE one (id uuid PRIMARY KEY); INSERT INTO one VALUES (gen_random_uuid());")
TWO = ("0002_two.sql", "CREATE TABLE two (id uuid PRIMARY KEY);")
BROKEN = ("0002_two.sql", "CREATE TABLE two (id uuid PRIMARY KEY); SELECT 1 / 0;")


async def ask(dsn: str, statement: str) -> object:
    connection = await connect(dsn, name="test")
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def states(dsn: str, *scripts: tuple[str, str]) -> dict[str, str]:
    return {one.name: one.state for one in await status(dsn, scripts)}


async def test_each_file_is_applied_once(database: str) -> None:
    assert await migrate(database, [ONE]) == [ONE[0]]
    assert await migrate(database, [ONE, TWO]) == [TWO[0]]
    assert await migrate(database, [ONE, TWO]) == []
    assert await ask(database, "SELECT count(*) FROM one") == 1


async def test_many_who_migrate_at_once_apply_everything_once(database: str) -> None:
    """Every service does so at its start."""
    applied = await asyncio.gather(*(migrate(database) for _ in range(5)))
    assert [names for names in applied if names] == [[name for name, _ in read_scripts()]]


async def test_status_tells_applied_pending_drifted_and_newer_and_changes_nothing(database: str) -> None:
    assert await states(database, ONE, TWO) == {ONE[0]: "pending", TWO[0]: "pending"}
    assert await ask(database, "SELECT to_regclass('schema_migrations') IS NULL") is True
    await migrate(database, [ONE, TWO])
    assert await states(database, (ONE[0], "SELECT 2"), ("0003_three.sql", "")) == {
        ONE[0]: "drifted",
        "0003_three.sql": "pending",
        TWO[0]: "newer",
    }
    assert all(one.applied_at for one in await status(database, [ONE, TWO]))


async def test_drift_is_refused_and_nothing_is_applied(database: str) -> None:
    await migrate(database, [ONE])
    with pytest.raises(SchemaDrift, match=ONE[0]):
        await migrate(database, [(ONE[0], "SELECT 2"), TWO])
    assert await status(database, [TWO]) == [
        Migration(TWO[0], "pending"),
        *[one for one in await status(database, []) if one.name == ONE[0]],
    ]


async def test_a_file_that_breaks_off_leaves_nothing_and_is_applied_again(database: str) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database, [ONE, BROKEN])
    assert await states(database, ONE, TWO) == {ONE[0]: "applied", TWO[0]: "pending"}
    assert await ask(database, "SELECT to_regclass('two') IS NULL") is True
    assert await migrate(database, [ONE, TWO]) == [TWO[0]]


async def test_a_session_killed_in_the_middle_of_a_file_leaves_nothing_of_it(database: str) -> None:
    slow = ("0002_two.sql", "CREATE TABLE two (id uuid PRIMARY KEY); SELECT pg_sleep(30);")
    migrating = asyncio.create_task(migrate(database, [ONE, slow]))
    kill = (
        "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'active'"
        " AND application_name = 'baton-migrate' AND datname = current_database() AND query LIKE '%pg_sleep%') k"
    )

    async def killed() -> bool:
        return bool(await ask(database, kill))

    await eventually(killed)
    with pytest.raises(UNAVAILABLE):
        await migrating
    assert await migrate(database, [ONE, TWO]) == [TWO[0]]


async def test_a_login_without_rights_serves_while_there_is_nothing_to_migrate(database: str) -> None:
    """And is told whom to ask where there is."""
    await migrate(database)
    app = with_role(database)
    assert await migrate(app) == []
    with pytest.raises(SchemaOwnerNeeded, match="baton db up"):
        await migrate(app, [*read_scripts(), ("9999_more.sql", "SELECT 1")])
    assert urlsplit(app).query == "role=baton_app"
