"""A reconnect storm: a thousand clients come back at once, and each has missed the same events.

Once to a gateway that told of these events before, and once to one that has just started and has to read them.
"""

from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Final
from uuid import uuid4

from bench.databases import database
from bench.houses import Gateway
from bench.listeners import Listeners, Storm
from bench.openfiles import TooFewFiles, allow_sockets
from bench.resident import Resident
from bench.scale import Scale
from bench.table import Row
from support.logs import Log, command, message, open_log

_CLIENTS: Final = 1000
_MISSED: Final = 500
_BATCH: Final = 100
_TEXT: Final = "Reading what the specification says about watering plants"
_WHAT: Final = f"reconnect of {_CLIENTS:,} clients at once, {_MISSED} events ago"


async def measure(server: str, _: Scale) -> list[Row]:
    """Measure both; not fewer at any scale."""
    try:
        allow_sockets(_CLIENTS)
    except TooFewFiles as error:
        return [Row(_WHAT, str(error))]
    storms: dict[str, Storm] = {}
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(database(server, "returning"))
        log = await stack.enter_async_context(open_log(dsn))
        async with Resident(Gateway, dsn, _CLIENTS) as gateway:
            url = await gateway.ask("serve")
            head = await _append(log)
            await gateway.ask("show")
            storms["the gateway told of them"] = await _storm(url, head)
        async with Resident(Gateway, dsn, _CLIENTS) as gateway:
            storms["the gateway has just started"] = await _storm(await gateway.ask("serve"), head)
    return [_row(when, storm) for when, storm in storms.items()]


async def _append(log: Log) -> int:
    """Append what is missed, and as much before; return the head."""
    for _ in range(2 * _MISSED // _BATCH):
        outcomes = await log.append(*(command(uuid4(), message(_TEXT)) for _ in range(_BATCH)))
    return outcomes[-1].position


async def _storm(url: str, head: int) -> Storm:
    async with Resident(Listeners, _CLIENTS) as clients:
        storm: Storm = await clients.ask("storm", url, f"/ws?since={head - _MISSED}", _CLIENTS)
    *missed, caught_up = storm.positions
    assert (len(missed), missed[-1], caught_up) == (_MISSED, head, head), storm.positions
    assert all(after == before + 1 for before, after in pairwise(missed))
    return storm


def _row(when: str, storm: Storm) -> Row:
    said = f"{storm.caught_up:.2f} s (all connected after {storm.connected:.2f} s)"
    return Row(f"{_WHAT}: {when}", said)
