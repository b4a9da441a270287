"""API keys for tests, straight into the table."""

import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from baton_eventlog.database import connect
from baton_gateway.bearer import bearer_in
from baton_gateway.key_book import add_key, revoke_key
from baton_gateway.keys import KEY_PREFIX
from baton_gateway.principal import GrantedRole


@contextlib.asynccontextmanager
async def owner_of(database: asyncpg.Pool | str) -> AsyncIterator[asyncpg.Connection | PoolConnectionProxy]:
    """Give a session with the rights of the database's owner, which a service's pool does not have."""
    if isinstance(database, str):
        connection = await connect(database, name="test")
        try:
            yield connection
        finally:
            await connection.close()
        return
    async with database.acquire() as pooled, pooled.transaction():
        await pooled.execute("SET LOCAL ROLE NONE")
        yield pooled


async def make_key(
    database: asyncpg.Pool | str,
    role: GrantedRole = "operator",
    tenant: str | None = "default",
    *,
    name: str | None = None,
    days: int | None = None,
) -> str:
    """Make a key in a migrated database (a service's pool, or its DSN), and return its text."""
    async with owner_of(database) as owner:
        return (await add_key(owner, role, tenant, name=name, days=days))[1]


def id_of(key: str) -> UUID:
    """Return the id that a key's text begins with."""
    bearer = bearer_in(key, KEY_PREFIX)
    assert bearer
    return bearer.id


async def expire(database: asyncpg.Pool | str, key: str) -> None:
    """Let a key's time be over."""
    async with owner_of(database) as owner:
        await owner.execute("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1", id_of(key))


async def revoke(database: asyncpg.Pool | str, key: str) -> None:
    """Revoke a key."""
    async with owner_of(database) as owner:
        await revoke_key(owner, id_of(key))


def bearing(key: str) -> dict[str, str]:
    """Return the header that a key is sent in."""
    return {"Authorization": f"Bearer {key}"}
