"""What was told already, for those who catch up: the newest events from memory, older ones from the log.

Whole pages of the log never change, so a few of them are kept as well: a thousand clients that were away for an hour
read it once. Both are bounded, in number and in bytes.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Final
from uuid import UUID

import structlog

from baton_contracts.events import Event
from baton_eventlog.database import patiently
from baton_eventlog.reader import LogGap, LogRewound, read, read_stream
from baton_gateway.project_tenants import ProjectTenants
from baton_gateway.reading import Pool
from baton_gateway.told import Told, tell

log = structlog.get_logger("baton.backlog")
PAGE: Final = 256
_RECENT: Final = 4096
_RECENT_BYTES: Final = 16 << 20
_SEED: Final = 1024
_PAGES: Final = 32
_PAGE_BYTES: Final = 1 << 20
_READERS: Final = 4
WAITING: Final = "sockets_wait_for_postgresql"


class Backlog:
    """Events up to the position that was told last, in order."""

    def __init__(self, pool: Pool, tenants: ProjectTenants) -> None:
        self._pool = pool
        self._tenants = tenants
        self._recent: deque[Told] = deque()
        self._size = 0
        self._pages: OrderedDict[int, asyncio.Task[list[Told]]] = OrderedDict()
        self._readers = asyncio.Semaphore(_READERS)

    async def begin(self, position: int) -> None:
        """Remember the newest events up to a position, so that those who come back to a new gateway find them here.

        Raises `LogRewound`; whatever else is wrong with older events is logged, and nothing is remembered.
        """
        self.clear()
        first = max(0, position - _SEED)
        try:
            while first < position:
                page = [one for one in await self._read_all(first) if one.position <= position]
                self.add(page)
                first = page[-1].position
        except LogRewound:
            raise
        except Exception:
            log.exception("backlog_begins_empty", position=position)
            self.clear()

    def add(self, told: Sequence[Told]) -> None:
        """Keep what is told now; it follows without a gap what was added before."""
        self._recent.extend(told)
        self._size += sum(one.size for one in told)
        while len(self._recent) > _RECENT or self._size > _RECENT_BYTES:
            self._size -= self._recent.popleft().size

    def clear(self) -> None:
        """Forget everything: it may be of another log."""
        self._recent.clear()
        self._pages.clear()
        self._size = 0

    async def after(self, position: int, until: int, project_id: UUID | None) -> tuple[Sequence[Told], int]:
        """Return some events of (position, until], the first ones, and the position up to which these are all.

        Waits while PostgreSQL is away. Raises `LogRewound` or `LogGap` as the reader does.
        """
        if self._recent and self._recent[0].position <= position + 1:
            newer = islice(self._recent, position + 1 - self._recent[0].position, None)
            return list(newer), self._recent[-1].position
        if project_id is not None:
            told = await self._read(lambda: read_stream(self._pool, project_id, position, until, PAGE))
            return told, told[-1].position if told else until
        first = position - position % PAGE
        page = await (self._page(first) if first + PAGE <= until else self._read_all(first))
        following = [one for one in page if position < one.position <= until]
        if not following:
            raise LogGap(f"Nothing follows position {position} of the log, which goes on to {until}")
        return following, following[-1].position

    async def _page(self, first: int) -> list[Told]:
        """Return a whole page, read once for all who ask for it."""
        reading = self._pages.get(first)
        if reading is None:
            reading = self._pages[first] = asyncio.create_task(self._read_all(first))
            if len(self._pages) > _PAGES:
                self._pages.popitem(last=False)
        self._pages.move_to_end(first)
        try:
            page = await asyncio.shield(reading)
        except Exception:
            self._pages.pop(first, None)
            raise
        if sum(one.size for one in page) > _PAGE_BYTES:
            self._pages.pop(first, None)
        return page

    async def _read_all(self, first: int) -> list[Told]:
        """Return the page of the log that follows a position; shorter where the log ends."""
        found: list[Told] = []
        while len(found) < PAGE:
            after, limit = first + len(found), PAGE - len(found)
            told = await self._read(lambda after=after, limit=limit: read(self._pool, after, limit))  # type: ignore[misc]
            if not told:
                break
            found += told
        return found

    async def _read(self, reading: Callable[[], Awaitable[list[Event]]]) -> list[Told]:
        """Read events and what their agents do after them; a few readers at a time, for as long as it takes."""

        async def read_once() -> list[Told]:
            async with self._readers:
                return await tell(self._pool, self._tenants, await reading())

        return await patiently(read_once, WAITING)
