"""The listening socket: bound in plain words, and closed in order.

A connection has `header_seconds` for the head of its first request. Where it is known who asked, it has 75 s from each
answer on until the head of the next request is there in full; where not, it is closed after its answer.
"""

import contextlib
import errno
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from baton_gateway.file_limit import connections_within
from baton_gateway.listener import Listener, bind
from baton_gateway.visitors import Visitors
from baton_runtime.host import NotStarted
from baton_runtime.loopback import local_url

_KEEPALIVE: Final = 75.0
_SHUTDOWN: Final = 5.0
_log: Final = logging.getLogger("baton.server")
_log.addFilter(lambda record: not isinstance((record.exc_info or (None, None))[1], HttpProcessingError))
"""What is no HTTP is answered and not logged: anybody may send it, and aiohttp quotes it, a broken key too."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that listens at a URL. It must be watched over, for strangers to be sent away in time."""

    url: str
    watch: Callable[[], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def listening(
    app: web.Application, host: str, port: int, header_seconds: float, max_connections: int
) -> AsyncIterator[Serving]:
    """Serve an application. Raises `NotStarted` where the address cannot be had."""
    options = {"logger": _log, "access_log": None, "keepalive_timeout": _KEEPALIVE, "auto_decompress": False}
    visitors = Visitors(connections_within(max_connections), header_seconds, **options)
    visitors.greet(app)
    runner = web.AppRunner(app, shutdown_timeout=_SHUTDOWN)
    await runner.setup()
    assert runner.server  # noqa: S101 - it is set up
    try:
        listener = Listener(await _bind(host, port), visitors, runner.server)
        try:
            yield Serving(local_url(host, listener.port), visitors.watch)
        finally:
            await listener.close()
    finally:
        await runner.cleanup()


async def _bind(host: str, port: int) -> list[socket.socket]:
    try:
        return await bind(host, port)
    except OSError as error:
        raise NotStarted(_reason(error, host, port)) from error


def _reason(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken: another program listens there. Stop it, or choose another with --port "
            "(BATON_PORT; 0 takes a free one)"
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs rights that this user does not have; choose one above 1023 with --port (BATON_PORT)"
    return f"{host}:{port} is no address to listen on ({error.strerror}); choose another with --host (BATON_HOST)"
