"""Reading the tables: PostgreSQL builds the JSON, and Python passes it on unread."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from baton_eventlog.sql import load_queries

_FILES: Final = ("queries.sql", "agents.sql", "lists.sql", "workflows.sql", "keys.sql", "sockets.sql")
PROJECTOR: Final = "projector"
_DEADLINE: Final = 10.0
Pool = asyncpg.Pool


def _merged(files: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
    reads = {name: statement for statements in files for name, statement in statements.items()}
    if len(reads) < sum(map(len, files)):
        raise ValueError("two statements have one name")
    return reads


READS: Final = _merged([load_queries("baton_gateway", file) for file in _FILES])


async def fetch_value(pool: Pool, statement: str, *arguments: object, timeout: float = _DEADLINE) -> Any:  # noqa: ANN401
    """Return the one value of a statement, or None where there is no row.

    `timeout` in seconds covers the wait for a connection too. Raises one of `UNAVAILABLE`.
    """
    async with asyncio.timeout(timeout):
        return await pool.fetchval(statement, *arguments)


async def fetch_row(pool: Pool, statement: str, *arguments: object) -> asyncpg.Record | None:
    """Return the one row of a statement, or None. Raises one of `UNAVAILABLE`."""
    async with asyncio.timeout(_DEADLINE):
        return await pool.fetchrow(statement, *arguments)


async def fetch(pool: Pool, statement: str, *arguments: object) -> list[asyncpg.Record]:
    """Return the rows of a statement. Raises one of `UNAVAILABLE`."""
    async with asyncio.timeout(_DEADLINE):
        return list(await pool.fetch(statement, *arguments))
