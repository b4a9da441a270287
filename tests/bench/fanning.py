"""Fan-out: events to a thousand sockets, beside a bare broadcast of the same frame.

A gateway writes what its follower brings at once in one write a socket, a bare broadcast one frame after the other;
so there is a second floor, which writes as many frames at once as an append has events.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final
from uuid import uuid4

from bench.bare_broadcast import Broadcast
from bench.databases import database
from bench.houses import Gateway
from bench.listeners import Arrivals, Listeners
from bench.openfiles import TooFewFiles, allow_sockets
from bench.resident import Resident
from bench.rounds import Contender, interleave
from bench.scale import Scale
from bench.table import Goal, Row, compare
from support.logs import Log, command, message, open_log

SOCKETS: Final = 1000
_BATCH: Final = 100
_SINGLY: Final = 200
_TEXT: Final = "Reading what the specification says about watering plants"
_GOAL: Final = Goal(least=0.8)


async def measure(server: str, scale: Scale) -> list[Row]:
    """Measure a gateway, one write a frame, and one write for as many frames as an append has."""
    what = f"fan-out to {SOCKETS:,} sockets"
    try:
        allow_sockets(SOCKETS)
    except TooFewFiles as error:
        return [Row(what, str(error), goal=str(_GOAL))]
    events, frames = scale.of(2000, least=5 * _BATCH), [b""]
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(database(server, "fanning"))
        log = await stack.enter_async_context(open_log(dsn))
        gateway, bare, hearing, hearing_bare = [
            await stack.enter_async_context(Resident(kind, *arguments))
            for kind, arguments in (
                (Gateway, (dsn, SOCKETS)), (Broadcast, (SOCKETS,)), (Listeners, (SOCKETS,)), (Listeners, (SOCKETS,)),
            )
        ]  # fmt: skip
        await hearing.ask("connect", await gateway.ask("serve"), "/ws", SOCKETS)
        await hearing_bare.ask("connect", await bare.ask("serve"), "/", SOCKETS)
        contenders = {
            "gateway": _telling(log, hearing, events, frames),
            "bare": _sending(bare, hearing_bare, _SINGLY, lambda: (frames[0], _SINGLY)),
            "joined": _sending(bare, hearing_bare, events, lambda: (frames[0] * _BATCH, events // _BATCH)),
        }
        figures = await interleave(contenders, scale.of(6, least=2))
    return [
        compare(
            f"{what}, frames of {len(frames[0])} bytes", figures["gateway"], figures["bare"], unit="frames", goal=_GOAL
        ),
        compare(f"... beside {_BATCH} frames a write", figures["gateway"], figures["joined"], unit="frames"),
    ]


def _telling(log: Log, hearing: Resident, events: int, frames: list[bytes]) -> Contender:
    """Append events as fast as it goes; deliveries a second, from the first to the last."""

    async def turn() -> float:
        await hearing.ask("expect", events)
        for _ in range(events // _BATCH):
            await log.append(*(command(uuid4(), message(_TEXT)) for _ in range(_BATCH)))
        arrivals: Arrivals = await hearing.ask("receive")
        frames[0] = arrivals.frame
        return events * SOCKETS / (arrivals.last - arrivals.first)

    return turn


def _sending(bare: Resident, hearing: Resident, events: int, what: Callable[[], tuple[bytes, int]]) -> Contender:
    async def turn() -> float:
        await hearing.ask("expect", events)
        await bare.ask("send", *what())
        arrivals: Arrivals = await hearing.ask("receive")
        return events * SOCKETS / (arrivals.last - arrivals.first)

    return turn
