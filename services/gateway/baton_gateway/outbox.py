"""What one socket still has to be sent: bounded, so that a slow client costs itself and nobody else."""

import asyncio
from collections import deque
from typing import Final
from uuid import UUID

from aiohttp import WSCloseCode, WSMsgType, web

CAPACITY: Final = 16 << 20  # bytes; the frames themselves are shared by all sockets
_FAREWELL: Final = 2.0


class Outbox:
    """The frames that wait for one socket, and their sending."""

    def __init__(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        project_id: UUID | None,
        capacity: int = CAPACITY,
    ) -> None:
        self.project_id = project_id
        self._request = request
        self._socket = socket
        self._capacity = capacity
        self._size = 0
        self._frames: deque[bytes] = deque()
        self._grown = asyncio.Event()
        self._overflown = asyncio.Event()

    def offer(self, frame: bytes) -> None:
        """Add a frame; a socket that is too far behind gets no more and is closed."""
        if self._size + len(frame) > self._capacity:
            self._overflown.set()
        if not self._overflown.is_set():
            self._size += len(frame)
            self._frames.append(frame)
            self._grown.set()

    async def drain(self) -> None:
        """Send what is offered until the client is gone, or so far behind that it is closed with 1013."""
        sending = asyncio.create_task(self._send())
        overflow = asyncio.create_task(self._overflown.wait())
        try:
            await asyncio.wait([sending, overflow], return_when=asyncio.FIRST_COMPLETED)
            if self._overflown.is_set():  # with `sending` still alive: aiohttp never recovers from a cancelled send
                await self.close(WSCloseCode.TRY_AGAIN_LATER, b"too slow: connect again and read what you missed")
        finally:
            sending.cancel()
            overflow.cancel()
            await asyncio.gather(sending, overflow, return_exceptions=True)

    async def finish(self, draining: asyncio.Task[None]) -> None:
        """End `drain` when the client is gone; one that says goodbye ends by itself, within 2 s."""
        if not self._overflown.is_set():
            draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)

    async def _send(self) -> None:
        while not self._overflown.is_set():
            if self._frames:
                frame = self._frames.popleft()
                self._size -= len(frame)
                await self._socket.send_frame(frame, WSMsgType.TEXT)
            else:
                self._grown.clear()
                await self._grown.wait()

    async def close(self, code: int, reason: bytes) -> None:
        """Say goodbye; a client that does not take it within 2 s is cut off."""
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._socket.close(code=code, message=reason)
        except (TimeoutError, ConnectionError):
            if self._request.transport:
                self._request.transport.abort()
