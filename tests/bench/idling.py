"""What a socket that hears nothing costs in memory: the process's own, before and after, without its garbage."""

from contextlib import AsyncExitStack
from typing import Final

from bench.bare_broadcast import Broadcast
from bench.databases import database
from bench.houses import Gateway
from bench.listeners import Listeners
from bench.openfiles import TooFewFiles, allow_sockets
from bench.resident import Resident
from bench.scale import Scale
from bench.table import Row

_MOST_KIB: Final = 40
_BEFORE: Final = 100  # sockets that are open before, so that what is made once is not counted


async def measure(server: str, scale: Scale) -> list[Row]:
    """Measure a gateway's sockets, beside those of a bare aiohttp server."""
    sockets = scale.of(5000)
    what, goal = f"memory of one of {sockets:,} idle sockets", f"under {_MOST_KIB} KiB"
    try:
        allow_sockets(sockets + _BEFORE)
    except TooFewFiles as error:
        return [Row(what, str(error), goal=goal)]
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(database(server, "idling"))
        gateway = await stack.enter_async_context(Resident(Gateway, dsn, sockets + _BEFORE))
        bare = await stack.enter_async_context(Resident(Broadcast, sockets + _BEFORE))
        figure, floor = await _kib(gateway, "/ws", sockets), await _kib(bare, "/", sockets)
    return [Row(what, f"{figure:.1f} KiB", f"{floor:.1f} KiB", figure / floor, goal, figure < _MOST_KIB)]


async def _kib(server: Resident, path: str, sockets: int) -> float:
    """Return what each of so many sockets of a server costs it."""
    url = await server.ask("serve")
    async with Resident(Listeners, sockets + _BEFORE) as clients:
        await clients.ask("connect", url, path, _BEFORE)
        before = await server.private_mib()
        await clients.ask("connect", url, path, sockets, deadline=180)
        return (await server.private_mib() - before) * 1024 / sockets
