"""The floor of a fan-out: a bare aiohttp server that writes the same bytes to every socket it has."""

import asyncio
from typing import Final, cast

from aiohttp import web

from bench.bare_http import BareServer
from bench.openfiles import allow_sockets

_FULL: Final = 1 << 20
_NOW_AND_THEN: Final = 20  # often enough to look at buffers
_PAUSE: Final = 0.001
_WITHIN: Final = 60.0


class Broadcast(BareServer):
    """Greets every socket, and then sends what it is told to."""

    def __init__(self, sockets: int) -> None:
        super().__init__()
        self._sockets = sockets
        self._transports: set[asyncio.Transport] = set()

    async def serve(self) -> str:
        """Serve from now on; return the URL."""
        allow_sockets(self._sockets)
        return await self.listen(web.get("/", self._listen))

    async def _listen(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        await socket.send_str("{}")
        transport = cast("asyncio.Transport", request.transport)
        self._transports.add(transport)
        try:
            await socket.receive()
        finally:
            self._transports.discard(transport)
        return socket

    async def send(self, frame: bytes, times: int) -> None:
        """Send a frame to all, so many times; a socket that is full is waited for."""
        async with asyncio.timeout(_WITHIN):
            for number in range(times):
                for transport in self._transports:
                    transport.write(frame)
                await asyncio.sleep(0)
                if number % _NOW_AND_THEN == 0:
                    await self._drained()

    async def _drained(self) -> None:
        while max(transport.get_write_buffer_size() for transport in self._transports) > _FULL:  # noqa: ASYNC110
            await asyncio.sleep(_PAUSE)
