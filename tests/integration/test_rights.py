"""What services can do to the log as `baton_app`: append and read, and nothing else, by no way around."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from baton_contracts.events import ProjectCreated
from baton_eventlog.appender import Appender
from baton_eventlog.database import connect, open_pool
from baton_eventlog.leader import lead
from baton_eventlog.migrations import grant_rights
from baton_eventlog.proof import ignore
from baton_eventlog.rebuild import rebuild
from baton_eventlog.role import app_role, with_role
from baton_eventlog.seal import NO_SEAL, seal_next
from baton_eventlog.signal import LogSignal
from baton_runtime.bus import MemoryBus
from baton_runtime.host import open_host
from baton_runtime.settings import Settings
from support.logs import Log, command, open_log

KEY = b"a key"


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    async with open_log(database) as opened:
        await opened.append(command(uuid4()), command(uuid4()))
        await seal_next(opened.pool, KEY, NO_SEAL)
        yield opened


@pytest.fixture
async def app(log: Log) -> AsyncIterator[asyncpg.Connection]:
    """Give a session as services have it."""
    connection = await connect(await app_role(log.dsn), name="app")
    yield connection
    await connection.close()


async def test_services_do_their_work_as_the_app_role(log: Log) -> None:
    """Append, read, seal, project, lead, beat: all of it needs no more."""
    dsn = await app_role(log.dsn)
    pool, signal = await open_pool(dsn, name="app"), LogSignal(dsn)
    appender = Appender(dsn, signal)
    led = asyncio.Event()

    async def work() -> None:
        led.set()

    running = [asyncio.create_task(task) for task in (appender.run(), signal.run(), lead(dsn, "app", work))]
    project, message_id = uuid4(), uuid4()
    for kind in ("ok", "duplicate"):
        (outcome,) = await appender.append([command(project, message_id=message_id)])
        assert not isinstance(outcome, Exception)
        assert outcome.kind == kind
    await asyncio.wait_for(led.wait(), 10)
    assert await pool.fetchval("SELECT current_user || '/' || max(position) FROM event_log") == "baton_app/3"
    await pool.execute("SELECT project_range(0, 3)")
    await pool.execute("UPDATE checkpoints SET position = 3 WHERE name = 'projector'")
    await pool.execute("DELETE FROM runners")
    await pool.execute("UPDATE projections.tasks SET attempt = attempt")
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    pool.terminate()


async def test_a_process_runs_as_the_app_role(database: str) -> None:
    """Whatever it opens; the migrations alone are the owner's."""
    async with open_host(Settings(), database, MemoryBus()) as host:
        assert await host.pool.fetchval("SELECT current_user") == "baton_app"
        connection = await connect(host.dsn, name="test")
        assert await connection.fetchval("SELECT current_user") == "baton_app"
        await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event_log SET actor = 'x'",
        "DELETE FROM event_log",
        "TRUNCATE event_log",
        "TRUNCATE event_log CASCADE",
        "DROP TABLE event_log",
        "DROP TABLE event_log CASCADE",
        "ALTER TABLE event_log ADD COLUMN extra text",
        "ALTER TABLE event_log RENAME TO other",
        "ALTER TABLE event_log OWNER TO baton_app",
        "ALTER TABLE event_log DISABLE TRIGGER append_only",
        "ALTER TABLE event_log DISABLE TRIGGER ALL",
        "DROP TRIGGER append_only ON event_log",
        "CREATE OR REPLACE FUNCTION event_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE TRIGGER more BEFORE INSERT ON event_log FOR EACH ROW EXECUTE FUNCTION event_log_is_append_only()",
        "CREATE RULE more AS ON INSERT TO event_log DO INSTEAD NOTHING",
        "CREATE TABLE other (id uuid REFERENCES event_log ON DELETE CASCADE)",
        "ALTER TABLE projections.projects ADD FOREIGN KEY (id) REFERENCES event_log ON DELETE CASCADE",
        "SET session_replication_role = replica",
        "COPY event_log FROM PROGRAM 'true'",
        "COPY event_log FROM '/dev/null'",
        "INSERT INTO event_log SELECT * FROM event_log LIMIT 1 ON CONFLICT (id) DO UPDATE SET actor = 'x'",
        "MERGE INTO event_log l USING event_log m ON l.id = m.id WHEN MATCHED THEN UPDATE SET actor = 'x'",
        "SELECT * FROM event_log FOR UPDATE",
        "DO 'BEGIN LOCK TABLE event_log IN ACCESS EXCLUSIVE MODE; END'",
        "UPDATE log_seals SET digest = 'x'",
        "DELETE FROM log_seals",
        "TRUNCATE log_seals",
        "ALTER TABLE log_seals DISABLE TRIGGER append_only",
        "UPDATE log_blobs SET content = '{}'",
        "DELETE FROM log_blobs",
        "DELETE FROM log_head",
        "INSERT INTO log_head SELECT gen_random_uuid(), position, timestamp, hash, epoch FROM log_head",
        "DELETE FROM schema_migrations",
        "TRUNCATE projections.projects",
        "DROP SCHEMA projections CASCADE",
        "ALTER SCHEMA projections RENAME TO other",
        "CREATE SCHEMA other",
        "CREATE ROLE another",
        "ALTER ROLE baton_app SUPERUSER",
    ],
)
async def test_the_app_role_cannot(app: asyncpg.Connection, statement: str) -> None:
    """Each is refused for want of rights: no trigger has to hold it back."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement)


async def test_copying_into_the_log_replaces_nothing(log: Log, app: asyncpg.Connection) -> None:
    """COPY only adds rows, and a position or an id that is there is refused."""
    row = await log.pool.fetchrow("SELECT * FROM event_log WHERE position = 1")
    assert row is not None
    for column, value in (("id", uuid4()), ("position", 9)):
        copied = {**row, column: value}
        with pytest.raises(asyncpg.UniqueViolationError):
            await app.copy_records_to_table("event_log", records=[tuple(copied.values())], columns=list(copied))
    with pytest.raises(asyncpg.PostgresError):
        await app.execute("COPY event_log FROM STDIN (FREEZE)")
    assert await log.pool.fetchrow("SELECT * FROM event_log WHERE position = 1") == row


async def test_the_app_role_owns_nothing_and_may_do_nothing_else(log: Log) -> None:
    owned = "SELECT relname FROM pg_class WHERE relowner = 'baton_app'::regrole"
    assert await log.pool.fetch(owned) == []
    (role,) = await log.pool.fetch("SELECT * FROM pg_roles WHERE rolname = 'baton_app'")
    assert not any(role[right] for right in ("rolsuper", "rolcreaterole", "rolcreatedb", "rolcanlogin", "rolbypassrls"))
    assert await log.pool.fetch("SELECT FROM pg_auth_members WHERE member = 'baton_app'::regrole") == []


async def test_no_other_table_reaches_into_the_log(log: Log) -> None:
    """No foreign key touches it, none cascades anywhere, no rule rewrites, no function lends its owner's rights."""
    ours = "(SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'projections'))"
    keys = "SELECT conname FROM pg_constraint WHERE contype = 'f'"
    logs = "('event_log'::regclass, 'log_seals'::regclass, 'log_head'::regclass, 'log_blobs'::regclass)"
    assert await log.pool.fetch(f"{keys} AND (conrelid IN {logs} OR confrelid IN {logs})") == []
    assert await log.pool.fetch(f"{keys} AND (confdeltype <> 'a' OR confupdtype <> 'a')") == []
    lending = "SELECT proname FROM pg_proc WHERE prosecdef"
    assert await log.pool.fetch(f"{lending} AND pronamespace IN {ours}") == []
    rules = "SELECT rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE rulename <> '_RETURN'"
    assert await log.pool.fetch(f"{rules} AND relnamespace IN {ours}") == []
    inherits = f"SELECT FROM pg_inherits WHERE inhparent IN {logs} OR inhrelid IN {logs}"
    assert await log.pool.fetch(inherits) == []


async def test_the_app_role_gives_its_rights_to_nobody(log: Log, app: asyncpg.Connection) -> None:
    """PostgreSQL answers that with a warning only."""
    access = "SELECT relacl::text FROM pg_class WHERE oid = 'event_log'::regclass"
    before = await app.fetchval(access)
    await app.execute("GRANT ALL ON event_log TO PUBLIC")
    assert await app.fetchval(access) == before


async def test_the_triggers_hold_in_every_mode_and_against_every_role(log: Log) -> None:
    """`A` is ENABLE ALWAYS: not even replica mode passes them."""
    triggers = "SELECT tgrelid::regclass::text, tgenabled::text FROM pg_trigger WHERE tgname = 'append_only'"
    assert {tuple(row) for row in await log.pool.fetch(triggers)} == {
        ("event_log", "A"),
        ("log_seals", "A"),
        ("log_blobs", "A"),
    }
    async with log.pool.acquire() as connection:
        await connection.execute("SET session_replication_role = replica")
        for statement in ("DELETE FROM log_seals", "UPDATE log_seals SET low = low", "TRUNCATE log_seals"):
            with pytest.raises(asyncpg.RaiseError, match="append-only"):
                await connection.execute(statement)
        await connection.execute("RESET session_replication_role")


async def test_the_rights_are_exactly_these(log: Log) -> None:
    """A table that is added later and not thought of has none."""
    rights = """
        SELECT c.relname, string_agg(a.privilege_type, ' ' ORDER BY a.privilege_type) AS rights
          FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
         WHERE a.grantee = 'baton_app'::regrole AND c.relnamespace = 'public'::regnamespace GROUP BY c.relname"""
    assert dict(map(tuple, await log.pool.fetch(rights))) == {
        "event_log": "INSERT SELECT",
        "log_seals": "INSERT SELECT",
        "log_blobs": "INSERT SELECT",
        "log_head": "SELECT UPDATE",
        "checkpoints": "INSERT SELECT UPDATE",
        "inbox": "DELETE INSERT SELECT",
        "runners": "DELETE INSERT SELECT UPDATE",
        "api_keys": "SELECT",
        "ws_tickets": "DELETE INSERT SELECT",
        "schema_migrations": "SELECT",
    }


async def test_a_rebuild_keeps_the_rights(log: Log, app: asyncpg.Connection) -> None:
    """Services read and write the new tables as they did the old ones."""
    await log.append(command(uuid4(), ProjectCreated(name="A", product_idea="An app", tenant="default")))
    await log.pool.execute("SELECT project_range(0, 3)")
    await log.pool.execute("UPDATE checkpoints SET position = 3 WHERE name = 'projector'")
    await rebuild(log.dsn, ignore)
    assert await app.execute("UPDATE projections.projects SET name = 'B'") == "UPDATE 1"


async def test_rights_can_be_given_again(log: Log) -> None:
    assert await grant_rights(log.dsn) is True


async def test_without_the_role_services_keep_the_rights_of_their_login(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server where nobody may create roles serves all the same."""
    monkeypatch.setattr("baton_eventlog.role.APP_ROLE", "no_such_role")
    assert await app_role(log.dsn) == log.dsn


async def test_a_login_that_is_a_member_alone_has_no_way_back(log: Log) -> None:
    """As in production: what an owner's session may take back with RESET ROLE, this one never had."""
    login = f"service_{uuid4().hex}"
    await log.pool.execute(f"CREATE ROLE {login} LOGIN PASSWORD 'secret' IN ROLE baton_app")
    try:
        host = log.dsn.rsplit("@", 1)[1]
        dsn = await app_role(f"postgresql://{login}:secret@{host}")
        assert dsn.endswith("?role=baton_app")
        connection = await connect(dsn, name="login")
        await connection.execute("RESET ROLE; RESET SESSION AUTHORIZATION; SET ROLE NONE")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM event_log")
        await connection.close()
    finally:
        await log.pool.execute(f"DROP ROLE {login}")


def test_the_role_is_named_in_the_dsn() -> None:
    assert with_role("postgresql://u:p%40ss@h:1/d") == "postgresql://u:p%40ss@h:1/d?role=baton_app"
    assert with_role("postgresql://h/d?sslmode=require&role=x") == "postgresql://h/d?sslmode=require&role=baton_app"
