"""The schema, as numbered `.sql` files that are applied in order and never changed afterwards.

`migrate` runs under an advisory lock, one transaction a file, and keeps the sha256 of what it applied: a file
that was changed since is refused, because nobody could say any more what the database holds. A crash in the middle of
a file leaves nothing of it behind; the next `migrate` begins with that file. A login that may not change the schema
serves as well, as long as there is nothing to change. What the database holds beyond the files here was applied by a
newer Baton, which older ones live with.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Final, Literal

import asyncpg

from baton_eventlog.database import close_quietly, connect

Script = tuple[str, str]
_LOCK: Final = 0x6261746F6E  # "baton"
_HOURS: Final = 24 * 3600.0
_GRANTABLE: Final = "SELECT to_regproc('grant_app_rights') IS NOT NULL"
_APP_ROLE: Final = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'baton_app')"
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE, sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now())
"""


class SchemaDrift(Exception):
    """A migration that was applied has been changed since: restore the file, and put the change in a new one."""


class SchemaOwnerNeeded(Exception):
    """Migrations are missing, and this login may not apply them: run `baton db up` as the owner of the database."""


@dataclass(frozen=True, slots=True)
class Migration:
    """A file, and how it stands to the database; `newer` ones are in the database alone."""

    name: str
    state: Literal["applied", "pending", "drifted", "newer"]
    applied_at: datetime | None = None


def read_scripts() -> list[Script]:
    """Return name and text of each file, in order."""
    found = [(item.name, item.read_text("utf-8")) for item in files(__package__).iterdir() if item.name.endswith("sql")]
    return sorted(found)


async def status(dsn: str, scripts: Sequence[Script] | None = None) -> list[Migration]:
    """Return how each file stands to the database, changing nothing. Raises one of `UNAVAILABLE`."""
    connection = await connect(dsn, name="baton-migrate")
    try:
        return await _compare(connection, read_scripts() if scripts is None else scripts)
    finally:
        await close_quietly(connection)


async def migrate(dsn: str, scripts: Sequence[Script] | None = None) -> list[str]:
    """Apply what is missing; return the names of the files applied. Raises `SchemaDrift`, `SchemaOwnerNeeded`."""
    scripts = read_scripts() if scripts is None else scripts
    connection = await connect(dsn, name="baton-migrate", lock_timeout="60s", statement_timeout="0")
    try:
        if not _pending(await _compare(connection, scripts)):
            return []
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(_TABLE)
        pending = _pending(await _compare(connection, scripts))  # another may have been at work until now
        for name, script in scripts:
            if name in pending:
                await _apply(connection, name, script)
        await _grant(connection)
    except asyncpg.InsufficientPrivilegeError as error:
        raise SchemaOwnerNeeded(
            f"The schema is not up to date, and this login may not change it ({error}): run `baton db up` with the "
            "BATON_DATABASE_URL of the database's owner, then start again"
        ) from error
    else:
        return pending
    finally:
        await close_quietly(connection)  # and with it the lock


async def grant_rights(dsn: str) -> bool:
    """Give `baton_app` its rights; False where that role does not exist. To be run as the owner."""
    connection = await connect(dsn, name="baton-migrate")
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await _grant(connection)
        return bool(await connection.fetchval(_APP_ROLE))
    finally:
        await close_quietly(connection)


async def _grant(connection: asyncpg.Connection) -> None:
    if await connection.fetchval(_GRANTABLE):
        await connection.execute("SELECT grant_app_rights()")


async def _compare(connection: asyncpg.Connection, scripts: Sequence[Script]) -> list[Migration]:
    rows: Mapping[str, asyncpg.Record] = {}
    if await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL"):
        found = await connection.fetch("SELECT name, sha256, applied_at FROM schema_migrations ORDER BY name")
        rows = {row["name"]: row for row in found}
    known = [_state(name, script, rows.get(name)) for name, script in scripts]
    newer = sorted(rows.keys() - dict(scripts).keys())
    return known + [Migration(name, "newer", rows[name]["applied_at"]) for name in newer]


def _state(name: str, script: str, row: asyncpg.Record | None) -> Migration:
    if row is None:
        return Migration(name, "pending")
    return Migration(name, "applied" if row["sha256"] == _digest(script) else "drifted", row["applied_at"])


def _pending(found: Sequence[Migration]) -> list[str]:
    """Return what is to be applied. Raises `SchemaDrift`."""
    for one in found:
        if one.state == "drifted":
            raise SchemaDrift(
                f"Migration {one.name} was changed after it was applied; put the change in a new file instead"
            )
    return [one.name for one in found if one.state == "pending"]


async def _apply(connection: asyncpg.Connection, name: str, script: str) -> None:
    async with connection.transaction():
        await connection.execute(script, timeout=_HOURS)  # it may fold the whole log
        await connection.execute("INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)", name, _digest(script))


def _digest(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest()
