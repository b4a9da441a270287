"""A database of its own for each measure, dropped after it."""

import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from baton_eventlog.database import close_quietly, connect
from baton_eventlog.migrations import migrate


@contextlib.asynccontextmanager
async def database(server: str, name: str) -> AsyncIterator[str]:
    """Make a database with the log's schema; gives its DSN."""
    await _administer(server, f"CREATE DATABASE bench_{name}")
    dsn = urlunsplit(urlsplit(server)._replace(path=f"/bench_{name}"))
    try:
        await migrate(dsn)
        yield dsn
    finally:
        await _administer(server, f"DROP DATABASE bench_{name} WITH (FORCE)")


@contextlib.asynccontextmanager
async def connection(dsn: str, **settings: str) -> AsyncIterator[asyncpg.Connection]:
    """Open a connection as Baton does, without a deadline for its statements unless one is set."""
    opened = await connect(dsn, name="bench", **({"statement_timeout": "0"} | settings))
    try:
        yield opened
    finally:
        await close_quietly(opened)


async def _administer(server: str, statement: str) -> None:
    async with connection(server) as opened:
        await opened.execute(statement, timeout=600)
