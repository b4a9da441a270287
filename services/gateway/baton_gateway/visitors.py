"""The connections of a gateway: how many there may be, and who stays.

A connection is a stranger's until a request on it comes in as somebody. A stranger has so many seconds for the head of
its request and half a minute for its answer, and is closed after it: aiohttp would wait as long as it keeps an idle
connection, for a head of which one byte comes a second, and for ever for an answer that nobody reads. Whoever is known
may stay. Where there is no room for one more, whoever has been idle longest goes: strangers first, nobody who is being
answered, and nobody who came or was answered this moment, or newcomers would push each other out before they are heard.
So those who only sit there, however many, keep nobody out.
"""

import asyncio
import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final, cast

import structlog
from aiohttp import web

from baton_gateway.problems import Handler

log = structlog.get_logger("baton.connections")
_LOOKS: Final = 0.5  # seconds between two of them: no stranger stays for longer than that beyond its time
_ANSWER: Final = 30.0  # seconds that a stranger's answer may take, until the last byte of it is with the kernel
_GRACE: Final = 0.05  # seconds that everybody has to be heard, and to be sent what was answered
_REMIND: Final = 10.0


class Visitor(web.RequestHandler):
    """A connection; whether it is `known` who asks on it, and until when it may stay if not."""

    __slots__ = ("_on_gone", "_unwanted", "_wire", "known", "until")

    def __init__(self, server: web.Server, until: float, on_gone: Callable[["Visitor"], None], **options: Any) -> None:  # noqa: ANN401 - as aiohttp has them
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self.known = False
        self.until = until
        self._on_gone = on_gone
        self._unwanted = False
        self._wire: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen to it."""
        super().connection_made(transport)
        self._wire = cast(asyncio.Transport, transport)
        if self._unwanted:
            self._wire.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        self._on_gone(self)

    def drop(self) -> None:
        """Close it now, whatever it was about to be sent."""
        self._unwanted = True
        if self._wire:  # aiohttp's own word for it waits for what is not sent yet
            self._wire.abort()


def welcome(request: web.Request) -> None:
    """Note that it is known who asks."""
    if isinstance(request.protocol, Visitor):
        request.protocol.known = True


class Visitors:
    """Who is there, at most so many at once. `options` are those of the handlers of aiohttp."""

    def __init__(self, most: int, header_seconds: float, **options: Any) -> None:  # noqa: ANN401 - as aiohttp has them
        self._most = most
        self._header_seconds = header_seconds
        self._options = options
        self._time = asyncio.get_running_loop().time
        self._inside: set[Visitor] = set()
        self._leaving: set[Visitor] = set()
        self._idle_strangers: dict[Visitor, float] = {}  # since when, in this order
        self._idle_guests: dict[Visitor, float] = {}
        self._sent_away = self._turned_away = 0
        self._next_word = 0.0

    def greet(self, app: web.Application) -> None:
        """Have an application tell of every request, whatever becomes of it."""

        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            visitor = cast(Visitor, request.protocol)
            self._is_busy(visitor)
            try:
                answer = await handler(request)
            finally:
                self._is_idle(visitor)
            if not visitor.known:
                answer.force_close()
            return answer

        app.middlewares.insert(0, note)

    def come(self, server: web.Server) -> Visitor:
        """Return a new visitor, after one was sent away where there are enough."""
        if self._is_full:
            self._make_room()
        now = self._time()
        visitor = Visitor(server, now + self._header_seconds, self.forget, **self._options)
        self._inside.add(visitor)
        self._idle_strangers[visitor] = now
        return visitor

    def forget(self, visitor: Visitor) -> None:
        """Strike one off, who is gone."""
        for kept in (self._inside, self._leaving):
            kept.discard(visitor)
        for idle in (self._idle_strangers, self._idle_guests):
            idle.pop(visitor, None)

    @property
    def leaving(self) -> int:
        """How many were sent away whose connection is open still: until the loop comes to them."""
        return len(self._leaving)

    def wait(self) -> float:
        """Return after how many seconds there is room for one more; infinity where everybody is being answered."""
        if not self._is_full:
            return 0
        latest = self._time() - _GRACE
        return max(min((since - latest for _, since in self._may_go()), default=math.inf), 0)

    def send_one_away(self) -> None:
        """Close the connection that has been idle longest, if any is, though there may be room."""
        self._make_room()

    def turn_away(self) -> None:
        """Count one who did not come in."""
        self._turned_away += 1

    async def watch(self) -> None:
        """Send strangers away whose time is up, and tell when there was no room for all, until cancelled."""
        while True:
            await asyncio.sleep(_LOOKS)
            now = self._time()
            for visitor in [one for one in self._inside if not one.known and one.until <= now]:
                self._send_away(visitor)
            self._tell(now)

    @property
    def _is_full(self) -> bool:
        return len(self._inside) >= self._most

    def _may_go(self) -> Iterator[tuple[Visitor, float]]:
        """Yield who has been idle longest, and since when: a stranger, and one who is known if strangers are few."""
        yield from islice(self._idle_strangers.items(), 1)
        if len(self._idle_strangers) <= self._most // 2:
            yield from islice(self._idle_guests.items(), 1)

    def _make_room(self) -> None:
        """Send a stranger away whose moment is over, else whoever has been idle longest."""
        latest = self._time() - _GRACE
        found = sorted(self._may_go(), key=lambda one: (one[1] > latest, one[0].known, one[1]))
        for visitor, _ in found[:1]:
            self._send_away(visitor)
            self._sent_away += 1

    def _is_busy(self, visitor: Visitor) -> None:
        visitor.known = False  # whoever asked before
        visitor.until = self._time() + _ANSWER
        for idle in (self._idle_strangers, self._idle_guests):
            idle.pop(visitor, None)

    def _is_idle(self, visitor: Visitor) -> None:
        if visitor in self._inside:
            (self._idle_guests if visitor.known else self._idle_strangers)[visitor] = self._time()

    def _send_away(self, visitor: Visitor) -> None:
        self.forget(visitor)
        self._leaving.add(visitor)
        visitor.drop()

    def _tell(self, now: float) -> None:
        """Say that there was no room; not too often, as it is strangers who cause it."""
        if (self._sent_away or self._turned_away) and now >= self._next_word:
            log.warning(
                "too_many_connections", limit=self._most, idle_closed=self._sent_away, turned_away=self._turned_away
            )
            self._sent_away = self._turned_away = 0
            self._next_word = now + _REMIND
