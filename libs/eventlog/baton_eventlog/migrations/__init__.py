"""The schema, as numbered `.sql` files that are applied in order and never changed afterwards.

`migrate` runs under an advisory lock, one transaction a file, and keeps the sha256 of what it applied: a file
that was changed since is refused, because nobody could say any more what the database holds.
"""

import hashlib
from importlib.resources import files
from typing import Final

import asyncpg

from baton_eventlog.database import close_quietly, connect

_LOCK: Final = 0x6261746F6E  # "baton"
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE, sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now())
"""


class SchemaDrift(Exception):
    """A migration that was applied has been changed since: restore the file, and put the change in a new one."""


def _scripts() -> list[tuple[str, str]]:
    found = [(item.name, item.read_text("utf-8")) for item in files(__package__).iterdir() if item.name.endswith("sql")]
    return sorted(found)


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing; return the names of the files applied. Raises `SchemaDrift`."""
    connection = await connect(dsn, name="baton-migrate", lock_timeout="60s", statement_timeout="0")
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(_TABLE)
        return [name for name, script in _scripts() if await _apply(connection, name, script)]
    finally:
        await close_quietly(connection)  # and with it the lock


async def _apply(connection: asyncpg.Connection, name: str, script: str) -> bool:
    digest = hashlib.sha256(script.encode()).hexdigest()
    applied = await connection.fetchval("SELECT sha256 FROM schema_migrations WHERE name = $1", name)
    if applied == digest:
        return False
    if applied is not None:
        raise SchemaDrift(f"Migration {name} was changed after it was applied; put the change in a new file instead")
    async with connection.transaction():
        await connection.execute(script)
        await connection.execute("INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)", name, digest)
    return True
