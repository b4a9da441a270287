"""How far the tables are behind the log, and waiting until they show a position.

The leader of the projector, where it is in this process, tells each step directly; otherwise one poller reads the
checkpoint for all who wait, and only while somebody waits.
"""

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator, Iterator
from typing import Final

import structlog

from baton_eventlog.database import UNAVAILABLE
from baton_eventlog.sql import QUERIES
from baton_gateway.reading import PROJECTOR, Pool, fetch_value

log = structlog.get_logger("baton.freshness")
_PERIOD: Final = 0.02
_RETRY: Final = 0.5


class Freshness:
    """The position that the tables have reached, as far as this process knows."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._reached = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._wanted = asyncio.Event()
        self._count = 0
        self._leading = False

    def note(self, position: int) -> None:
        """Take note that the tables show this position; wake whoever waited for it."""
        self._reached = max(self._reached, position)
        while self._waiting and self._waiting[0][0] <= self._reached:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(None)

    def rewind(self) -> None:
        """Forget what the tables showed: the log was restored, and they with it."""
        self._reached = 0

    @contextlib.contextmanager
    def leading(self) -> Iterator[None]:
        """While this process projects, `note` is told of every step and nothing is polled."""
        self._leading = True
        try:
            yield
        finally:
            self._leading = False

    async def wait(self, position: int, *, timeout: float) -> bool:
        """Wait until the tables show a position, `timeout` seconds at most; tell whether they do."""
        if position <= self._reached:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._waiting, (position, self._count, future))
        self._wanted.set()
        await asyncio.wait([future], timeout=timeout)
        if future.done():
            return True
        future.cancel()
        return False

    async def run(self) -> None:
        """Read the checkpoint while anybody waits, until cancelled."""
        async for _ in self._turns():
            try:
                self.note(await fetch_value(self._pool, QUERIES["checkpoint"], PROJECTOR))
            except UNAVAILABLE as error:
                log.warning("freshness_waits_for_postgresql", error=type(error).__name__)
                await asyncio.sleep(_RETRY)

    async def _turns(self) -> AsyncIterator[None]:
        """Yield whenever the checkpoint has to be read."""
        while True:
            await self._wanted.wait()
            self._waiting = [one for one in self._waiting if not one[2].done()]
            heapq.heapify(self._waiting)
            if not self._waiting:
                self._wanted.clear()
            elif not self._leading:
                yield
            await asyncio.sleep(_PERIOD)
