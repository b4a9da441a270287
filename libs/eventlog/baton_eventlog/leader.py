"""One process of many does the work: whoever holds the advisory lock of its name.

The lock lives in a session that must show a sign of life every 500 ms: a killed leader loses it at once, a
frozen one after 1.5 s (`idle_session_timeout`), so another takes over within 2 s. A frozen leader that wakes up
does not know yet that it lost: what it writes must be fenced (checkpoints move by compare-and-set).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg
import structlog

from baton_eventlog.database import UNAVAILABLE, close_quietly, connect
from baton_eventlog.reader import LogRewound

log = structlog.get_logger("baton.leader")
_BEAT: Final = 0.5
_SILENCE: Final = "1500ms"


class LeadershipLost(Exception):
    """Another leader is at work: what this one was about to write was refused."""


async def lead(dsn: str, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` whenever this process leads, until cancelled; it is cancelled when the lock is lost."""
    while True:
        await _serve_a_term(dsn, name, work)
        await asyncio.sleep(_BEAT)


async def _serve_a_term(dsn: str, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Try once to lead; return when the term is over, or when another leads."""
    connection = None
    try:
        connection = await connect(dsn, name=f"baton-{name}-leader", idle_session_timeout=_SILENCE)
        if await connection.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", name):
            log.info("leader_elected", role=name)
            await _while_alive(connection, work)
    except* (LeadershipLost, LogRewound, *UNAVAILABLE) as errors:
        log.warning("leadership_lost", role=name, errors=[type(error).__name__ for error in errors.exceptions])
    finally:
        await close_quietly(connection)


async def _while_alive(connection: asyncpg.Connection, work: Callable[[], Awaitable[None]]) -> None:
    """Work until the work ends or fails, or the connection does (then raises one of `UNAVAILABLE`)."""
    working = asyncio.ensure_future(work())
    try:
        while not working.done():
            await connection.execute("SELECT 1", timeout=1)
            await asyncio.wait([working], timeout=_BEAT)
        await working
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
