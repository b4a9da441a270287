"""Rights end while sockets are open: those whose key or token has expired, or whose key was revoked, are closed.

Two tasks look after all sockets of a gateway. While PostgreSQL is away, nobody is closed for what cannot be asked.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final, NoReturn

import structlog

from baton_eventlog.database import UNAVAILABLE
from baton_gateway.connection import Connection
from baton_gateway.reading import READS, Pool, fetch

log = structlog.get_logger("baton.rights")
ENDED: Final = 4401
"""The close code for a socket whose right has ended."""
EXPIRED: Final = "your key or token has expired: connect again with a new one"
REVOKED: Final = "your key was revoked, or has expired"
_CLOCK: Final = 0.5
_KEYS: Final = 2.0


class Rights:
    """What the open sockets of a gateway rest on."""

    def __init__(self, pool: Pool, connections: Callable[[], Iterable[Connection]]) -> None:
        self._pool = pool
        self._connections = connections

    async def run(self) -> None:
        """Close every socket whose right has ended, soon after that, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_clock())
            tasks.create_task(self._watch_keys())

    async def _watch_clock(self) -> NoReturn:
        while True:
            await asyncio.sleep(_CLOCK)
            now = datetime.now(UTC)
            for one in self._connections():
                if one.principal.expires_at and one.principal.expires_at <= now:
                    one.close(ENDED, EXPIRED)

    async def _watch_keys(self) -> NoReturn:
        while True:
            await asyncio.sleep(_KEYS)
            try:
                await self._check_keys()
            except UNAVAILABLE as error:
                log.warning("rights_wait_for_postgresql", error=type(error).__name__)

    async def _check_keys(self) -> None:
        """Ask for all keys at once. Raises one of `UNAVAILABLE`."""
        asked = {one.principal.key_id for one in self._connections() if one.principal.key_id}
        if not asked:
            return
        ended = asked - {row["id"] for row in await fetch(self._pool, READS["valid_keys"], list(asked))}
        for one in self._connections():
            if one.principal.key_id in ended:
                one.close(ENDED, REVOKED)
