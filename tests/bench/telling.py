"""How long after a commit a client has the frame, while a thousand listen and twenty events a second happen.

From the commit: the appender has the outcome in hand. To the frame: a client's process has read it, and the thousand
share one process, so the last of them waits for that as well.
"""

import asyncio
from contextlib import AsyncExitStack
from time import monotonic
from typing import Final
from uuid import uuid4

from bench.databases import database
from bench.houses import Gateway
from bench.listeners import Listeners, Moments
from bench.openfiles import TooFewFiles, allow_sockets
from bench.resident import Resident
from bench.scale import Scale
from bench.table import Row, milliseconds, percentile
from support.logs import Log, command, open_log

_SOCKETS: Final = 1000
_A_SECOND: Final = 20
_SECONDS: Final = 30
_TAIL: Final = 0.050
_WHAT: Final = f"commit to frame, {_SOCKETS:,} sockets, {_A_SECOND} events/s"


async def measure(server: str, scale: Scale) -> list[Row]:
    """Measure some of the sockets, and the last one that each event comes to."""
    try:
        allow_sockets(_SOCKETS)
    except TooFewFiles as error:
        return [Row(_WHAT, str(error), goal=f"under {milliseconds(_TAIL)}")]
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(database(server, "telling"))
        log = await stack.enter_async_context(open_log(dsn))
        gateway = await stack.enter_async_context(Resident(Gateway, dsn, _SOCKETS))
        clients = await stack.enter_async_context(Resident(Listeners, _SOCKETS))
        await clients.ask("connect", await gateway.ask("serve"), "/ws", _SOCKETS)
        await clients.ask("watch")
        committed = await _append_steadily(log, int(_A_SECOND * scale.seconds(_SECONDS, least=3)))
        moments: Moments = await clients.ask("moments", max(committed))
    return _rows(committed, moments)


async def _append_steadily(log: Log, events: int) -> dict[int, float]:
    """Append one event after the other, each at its time; return when each outcome was there."""
    committed: dict[int, float] = {}
    started = monotonic()
    for number in range(events):
        await asyncio.sleep(max(0.0, started + number / _A_SECOND - monotonic()))
        (outcome,) = await log.append(command(uuid4()))
        committed[outcome.position] = monotonic()
    return committed


def _rows(committed: dict[int, float], moments: Moments) -> list[Row]:
    sampled = [max(0.0, moment - committed[position]) for position, moment in moments.sampled]
    last = [max(0.0, moments.last[position] - moment) for position, moment in committed.items()]
    middle, tail = percentile(sampled, 50), percentile(sampled, 99)
    late_middle, late = percentile(last, 50), percentile(last, 99)
    goal = f"under {milliseconds(_TAIL)}"
    return [
        Row(f"{_WHAT}, p50", milliseconds(middle)),
        Row("... p99", milliseconds(tail), goal=goal, met=tail < _TAIL),
        Row("... at the last of them, p50", milliseconds(late_middle)),
        Row("... at the last of them, p99", milliseconds(late), goal=goal, met=late < _TAIL),
    ]
