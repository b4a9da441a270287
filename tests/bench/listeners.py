"""A resident with many sockets of one server, and what is measured at their side."""

import asyncio
import functools
from collections.abc import Callable
from time import monotonic
from typing import Final, NamedTuple

import orjson

from bench.caller import address
from bench.listener import Frames, Listener, Look, framed
from bench.openfiles import allow_sockets

_AT_ONCE: Final = 64
_STAY: Final = 8.0
_LOOK: Final = 0.002
_WITHIN: Final = 60.0
_CAUGHT_UP: Final = b'"event_type":"caught_up"'
_SAMPLES: Final = 50


class Arrivals(NamedTuple):
    """When the first byte came to any socket and the last one to the last, and a frame as it came."""

    first: float
    last: float
    frame: bytes


class Moments(NamedTuple):
    """When each position came: to each of some sockets, and to the last of all."""

    sampled: list[tuple[int, float]]
    last: dict[int, float]


class Storm(NamedTuple):
    """Seconds until all were connected, and until all had caught up; and the positions that one was told of."""

    connected: float
    caught_up: float
    positions: list[int]


class Listeners:
    """So many sockets at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._all: list[Listener] = []
        self._staying: asyncio.Task[None] | None = None
        self._moments = Moments([], {})

    async def connect(self, url: str, path: str, count: int) -> None:
        """Open sockets, some at a time, and wait until each was told where it stands."""
        allow_sockets(self._most)
        self._staying = self._staying or asyncio.create_task(self._stay())
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one() -> None:
            async with turns:
                self._all.append(await _opened(url, path))

        await asyncio.gather(*(one() for _ in range(count)))
        await self._until(lambda: all(listener.received for listener in self._all))

    async def storm(self, url: str, path: str, count: int) -> Storm:
        """Open sockets all at once, and wait until each has caught up."""
        allow_sockets(self._most)
        texts: list[bytes] = []
        taking, started = Frames(), monotonic()
        one = asyncio.create_task(_opened(url, path, look=lambda data: texts.extend(taking.feed(data))))
        others = [_opened(url, path) for _ in range(count - 1)]
        self._all = await asyncio.gather(one, *others)
        opened = monotonic()
        await self._until(lambda: all(_CAUGHT_UP in listener.tail for listener in self._all))
        assert len({listener.received for listener in self._all}) == 1, "they were not told the same"
        caught_up = max(listener.last_at for listener in self._all)
        return Storm(opened - started, caught_up - started, [orjson.loads(text)["position"] for text in texts])

    async def expect(self, frames: int) -> None:
        """Begin to count; `receive` waits for so many frames."""
        for listener in self._all:
            listener.reset()
        self._wanted = frames
        self._frames: list[bytes] = []
        taking = Frames()
        self._all[0].look(lambda data: self._frames.extend(taking.feed(data)))

    async def receive(self) -> Arrivals:
        """Wait until all sockets have what the first one counted, and it has counted all."""
        await self._until(lambda: len(self._frames) >= self._wanted)
        size = self._all[0].received
        await self._until(lambda: all(listener.received >= size for listener in self._all))
        assert {listener.received for listener in self._all} == {size}, "they were not told the same"
        assert len(self._frames) == self._wanted
        self._all[0].look(None)
        first = min(listener.first_at for listener in self._all)
        return Arrivals(first, max(listener.last_at for listener in self._all), framed(self._frames[-1]))

    async def watch(self) -> None:
        """Note from now on when each position comes to whom."""
        self._moments = Moments([], {})
        for number, listener in enumerate(self._all):
            listener.look(self._noting(listener, sampled=number % (len(self._all) // _SAMPLES) == 0))

    def _noting(self, listener: Listener, *, sampled: bool) -> Callable[[bytes], None]:
        taking, moments = Frames(), self._moments

        def note(data: bytes) -> None:
            for text in taking.feed(data):
                position = _position(text)
                moments.last[position] = listener.last_at
                if sampled:
                    moments.sampled.append((position, listener.last_at))

        return note

    async def moments(self, until: int) -> Moments:
        """Return what was noted, once a position has come to all."""
        await self._until(lambda: sum(position == until for position, _ in self._moments.sampled) >= _SAMPLES)
        await asyncio.sleep(1)
        return self._moments

    async def hang_up(self) -> None:
        """Close all sockets, and wait until that is done."""
        for listener in self._all:
            listener.hang_up()
        while any(listener.lost is None for listener in self._all):  # noqa: ASYNC110 - each tells only itself
            await asyncio.sleep(_LOOK)
        self._all = []

    async def close(self) -> None:
        """Close all sockets."""
        if self._staying:
            self._staying.cancel()
        await self.hang_up()

    async def _stay(self) -> None:
        while True:
            await asyncio.sleep(_STAY)
            for listener in self._all:
                if listener.lost is None:
                    listener.stay()

    async def _until(self, arrived: Callable[[], bool]) -> None:
        """Wait for something to arrive. Raises `ConnectionError` where a socket is gone, `TimeoutError` after 60 s."""
        async with asyncio.timeout(_WITHIN):
            while not arrived():
                if lost := next((listener.lost for listener in self._all if listener.lost), None):
                    raise lost
                await asyncio.sleep(_LOOK)


@functools.lru_cache
def _position(text: bytes) -> int:
    """Return the position of a frame; all sockets receive the same, so it is read once."""
    position: int = orjson.loads(text)["position"]
    return position


async def _opened(url: str, path: str, *, look: Look | None = None) -> Listener:
    _, listener = await asyncio.get_running_loop().create_connection(Listener, *address(url))
    listener.look(look)
    listener.shake_hands(url, path)
    async with asyncio.timeout(_WITHIN):
        await listener.opened
    return listener
