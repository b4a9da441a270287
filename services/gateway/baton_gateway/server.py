"""The listening socket: bound in plain words, and closed in order.

A connection has `header_seconds` for the head of its first request; from each answer on it has 75 s until the head of
the next one is there in full.
"""

import asyncio
import contextlib
import errno
import logging
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from baton_gateway.newcomers import Newcomers
from baton_runtime.host import NotStarted

_KEEPALIVE: Final = 75.0
_SHUTDOWN: Final = 5.0
_BACKLOG: Final = 1024  # a thousand clients that come back at once must not have their SYNs dropped
_log: Final = logging.getLogger("baton.server")
_log.addFilter(lambda record: not isinstance((record.exc_info or (None, None))[1], HttpProcessingError))
"""What is no HTTP is answered and not logged: anybody may send it, and aiohttp quotes it, a broken key too."""
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared, not bound


@contextlib.asynccontextmanager
async def listening(app: web.Application, host: str, port: int, header_seconds: float) -> AsyncIterator[str]:
    """Serve an application; gives its URL. Raises `NotStarted` where the address cannot be had."""
    newcomers = Newcomers(header_seconds)
    newcomers.greet(app)
    runner = web.AppRunner(
        app,
        logger=_log,
        access_log=None,
        keepalive_timeout=_KEEPALIVE,
        shutdown_timeout=_SHUTDOWN,
        auto_decompress=False,
    )
    await runner.setup()
    assert runner.server  # noqa: S101 - it is set up
    sweeping = asyncio.create_task(newcomers.send_away(runner.server))
    try:
        await _bind(runner, host, port)
        name = _EVERYWHERE.get(host, f"[{host}]" if ":" in host else host)
        yield f"http://{name}:{runner.addresses[0][1]}"
    finally:
        sweeping.cancel()
        await runner.cleanup()


async def _bind(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port, backlog=_BACKLOG).start()
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
