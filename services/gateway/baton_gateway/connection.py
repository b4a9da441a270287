"""One open socket: what is written goes to its transport at once, and a client that does not read it is let go.

Frames are whole and encoded already, so many sockets share one buffer and nobody waits for anybody. That passes by
aiohttp's flow control: the bytes that the kernel did not take yet are counted here instead.
"""

import asyncio
import contextlib
from typing import Final, cast

from aiohttp import WSCloseCode, web

from baton_gateway.principal import Principal
from baton_gateway.told import Interest

CAPACITY: Final = 1 << 20
"""Bytes that may wait for a client; when more do and something is to follow, it is closed with 1013."""
_LOW: Final = 64 << 10
_FAREWELL: Final = 5.0
_LOOK: Final = 0.05


class Connection:
    """A socket after its handshake.

    `principal` is whose it is, `interests` are its subscriptions, `reached` says how far those got that still catch
    up, and `position` is the last one that it was told of as a live listener.
    """

    __slots__ = ("_closing", "_socket", "_transport", "capacity", "interests", "position", "principal", "reached")

    def __init__(self, request: web.Request, socket: web.WebSocketResponse, principal: Principal) -> None:
        self.principal: Final = principal
        self.interests: set[Interest] = set()
        self.reached: dict[Interest, int] = {}
        self.position = 0
        self.capacity = CAPACITY
        self._transport = cast("asyncio.Transport", request.transport)
        self._socket = socket
        self._closing: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        """Tell whether anything may still be written."""
        return self._closing is None and not self._transport.is_closing() and not self._socket.closed

    def complete_to(self, live: int) -> int:
        """Return the position up to which everything was written, where those who are live were told up to `live`."""
        return min(self.reached.values(), default=live)

    def write(self, frames: bytes) -> bool:
        """Write whole frames; False when this one takes no more."""
        if self._closing is not None or self._transport.is_closing():
            return False
        if self._transport.get_write_buffer_size() > self.capacity:
            self.close(WSCloseCode.TRY_AGAIN_LATER, f"too slow: resume with since={self.complete_to(self.position)}")
            return False
        if frames:
            self._transport.write(frames)
        return True

    def offer(self, frame: bytes) -> None:
        """Write a frame that may be lost, unless half of what may wait for this client does already."""
        if self.open and self._transport.get_write_buffer_size() + len(frame) <= self.capacity // 2:
            self._transport.write(frame)

    def pong(self, payload: bytes) -> bool:
        """Answer a ping of the protocol itself; False when this one takes no more."""
        return self.write(bytes((0x8A, len(payload))) + payload)

    def heard(self, position: int) -> None:
        """Take note that a live listener was told of everything up to a position."""
        self.position = position

    async def drained(self) -> bool:
        """Wait until the client has taken most of what was written; False when it is gone."""
        while self.open and self._transport.get_write_buffer_size() > _LOW:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(_LOOK)
        return self.open

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, once; a client that does not take it within 5 s is cut off."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(code, reason))

    async def closed(self) -> None:
        """Wait until a goodbye that was begun is over."""
        if self._closing:
            await asyncio.wait([self._closing])

    async def _close(self, code: int, reason: str) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                async with asyncio.timeout(_FAREWELL):
                    await self._socket.close(code=code, message=reason.encode())
            except TimeoutError:
                self._transport.abort()
