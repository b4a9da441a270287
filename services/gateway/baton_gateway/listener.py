"""The sockets that newcomers arrive at: accepted a few at a time, and never more than there is room for.

asyncio's own server takes as many in one turn of the loop as its backlog is long, before anything may refuse one, and
when the process may open no more files it logs each of these attempts. Here the kernel's queue may be long and the
steps are short: whoever was accepted before is answered between two of them.
"""

import asyncio
import contextlib
import math
import socket
from typing import Final

from aiohttp import web

from baton_gateway.visitors import Visitor, Visitors

AT_ONCE: Final = 32
"""Connections that are accepted in one turn of the loop; so many may be closing beside those that are open."""
_BACKLOG: Final = 4096  # Linux' own limit; who comes when the queue is full is a second late
_REST: Final = 0.1  # seconds without accepting, when the process cannot open one more file


async def bind(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen at every address of a host. Raises `OSError`."""
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port, start_serving=False)
    sockets = [one.dup() for one in server.sockets]
    server.close()
    try:
        for one in sockets:
            one.listen(_BACKLOG)
    except OSError:
        _close(sockets)
        raise
    return sockets


class Listener:
    """Lets newcomers in at some sockets, until it is closed."""

    def __init__(self, sockets: list[socket.socket], visitors: Visitors, server: web.Server) -> None:
        self._sockets = sockets
        self._visitors = visitors
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[None]] = set()
        self._resting: asyncio.TimerHandle | None = None
        self._listen()

    @property
    def port(self) -> int:
        """The port of the first address."""
        return int(self._sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening; who was accepted is let in."""
        self._pause()
        _close(self._sockets)
        await asyncio.gather(*self._coming)

    def _listen(self) -> None:
        for one in self._sockets:
            self._loop.add_reader(one, self._accept_some, one)

    def _pause(self) -> None:
        if self._resting:
            self._resting.cancel()
        for one in self._sockets:
            self._loop.remove_reader(one)

    def _rest(self, seconds: float) -> None:
        """Let newcomers wait in the kernel's queue."""
        self._pause()
        self._resting = self._loop.call_later(seconds, self._listen)

    def _accept_some(self, listening: socket.socket) -> None:
        try:
            for _ in range(AT_ONCE):
                if self._visitors.leaving >= AT_ONCE:
                    return  # theirs are closed in the next turn of the loop, which comes back here
                wait = self._visitors.wait()
                if 0 < wait < math.inf:
                    self._rest(wait)
                    return
                self._accept(listening, is_room=not wait)
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:  # no more files, or no memory
            self._visitors.turn_away()
            self._visitors.send_one_away()
            self._rest(_REST)

    def _accept(self, listening: socket.socket, *, is_room: bool) -> None:
        connection, _ = listening.accept()
        if not is_room:
            self._visitors.turn_away()
            connection.close()
            return
        connection.settimeout(0)
        coming = asyncio.create_task(self._let_in(self._visitors.come(self._server), connection))
        self._coming.add(coming)
        coming.add_done_callback(self._coming.discard)

    async def _let_in(self, visitor: Visitor, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: visitor, connection)
        except OSError:
            self._visitors.forget(visitor)
            connection.close()


def _close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.close()
