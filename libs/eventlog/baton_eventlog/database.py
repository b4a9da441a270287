"""Connections to PostgreSQL, all with the same codecs and deadlines.

A session never waits for ever: locks, statements and idle transactions have a timeout, and so has every
acquisition here. A DSN holds a password: it is never logged.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar
from uuid import UUID

import asyncpg
import structlog

log = structlog.get_logger("baton.database")
T = TypeVar("T")
_RETRY: Final = 0.2
COMMAND_TIMEOUT: Final = 30.0
UNAVAILABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # raised now and then when a session is killed in the middle of an operation
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, or a primary that was demoted: another one will come
    asyncpg.InvalidCachedStatementError,
    asyncpg.FeatureNotSupportedError,  # LISTEN on a standby
)
"""What an operation raises while PostgreSQL cannot be reached, or is no primary: wait and try again."""


async def patiently(read: Callable[[], Awaitable[T]], waiting: str) -> T:
    """Return what there is to read, once PostgreSQL gives it; `waiting` is what the log calls the wait.

    It has no deadline of its own: the caller brings one, if there is to be one.
    """
    while True:
        try:
            return await read()
        except UNAVAILABLE as error:
            log.warning(waiting, error=type(error).__name__)
            await asyncio.sleep(_RETRY)


SESSION: Final = {
    "lock_timeout": "10s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "10s",
    "search_path": "public, projections",  # in this order: what is created goes where no rebuild sweeps it away
    "TimeZone": "UTC",
    "jit": "off",  # compiling costs more than it gives for statements of milliseconds
}


async def _prepare(connection: Any) -> None:  # noqa: ANN401 - a connection or its pool proxy
    """Read ids as `uuid.UUID`: asyncpg's own class is unknown to orjson."""
    await connection.set_type_codec(
        "uuid",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: value.bytes,
        decoder=lambda value: UUID(bytes=bytes(value)),
    )


async def _leave(_: Any) -> None:  # noqa: ANN401 - a connection
    """Leave a session as it is: nobody changes its state, and resetting it would double the trips of every read."""


async def connect(dsn: str, *, name: str, **settings: str) -> asyncpg.Connection:
    """Open one connection; `settings` are further session settings. Raises one of `UNAVAILABLE`."""
    session = SESSION | {"application_name": name} | settings
    connection = await asyncpg.connect(dsn, timeout=5, command_timeout=COMMAND_TIMEOUT, server_settings=session)
    await _prepare(connection)
    return connection


async def open_pool(dsn: str, *, name: str, size: int = 8) -> asyncpg.Pool:
    """Open a pool for reading. Raises one of `UNAVAILABLE`."""
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        timeout=5,
        command_timeout=COMMAND_TIMEOUT,
        max_inactive_connection_lifetime=60,
        server_settings=SESSION | {"application_name": name},
        init=_prepare,
        reset=_leave,
    )


async def close_quietly(connection: asyncpg.Connection | None) -> None:
    """Close a connection that may be dead already."""
    if connection is None or connection.is_closed():
        return
    try:
        async with asyncio.timeout(1):  # not wait_for: before Python 3.12 that may swallow a cancellation
            await connection.close()
    except UNAVAILABLE:
        connection.terminate()
