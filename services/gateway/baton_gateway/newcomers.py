"""Connections that have not said what they want yet: each has so many seconds for a whole head of a request.

aiohttp waits for the first request as long as it keeps an idle connection, and as patiently for a head of which one
byte comes a second. A few thousand of those would take every file that this process may open.
"""

import asyncio
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from baton_gateway.problems import Handler

_LOOKS: Final = 0.5  # seconds between two of them: nobody stays for longer than twice that beyond his time


class Newcomers:
    """Who came, and when; whoever makes a request is none any more."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[RequestHandler, float] = {}
        self._known: set[RequestHandler] = set()

    def greet(self, app: web.Application) -> None:
        """Have an application tell of every request, whatever becomes of it."""

        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._known.add(request.protocol)
            return await handler(request)

        app.middlewares.insert(0, note)

    async def send_away(self, server: web.Server) -> None:
        """Close the connections of a server whose time is up, until cancelled."""
        time = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(_LOOKS)
            self._look(server.connections, time())

    def _look(self, connections: list[RequestHandler], now: float) -> None:
        self._known.intersection_update(connections)
        silent = [one for one in connections if one not in self._known]
        self._since = {one: self._since.get(one, now) for one in silent}
        for one in silent:
            if now - self._since[one] >= self._seconds:
                one.force_close()
