"""The relay makes the log its own outbox: one leader publishes what somebody must react to.

Its checkpoint moves after the confirms, so an event is published at least once. An event that cannot be
published (no such queue) is logged and passed: it stays unsettled, and the reconciler tries again.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from baton_contracts.events import Event
from baton_contracts.routes import queue_of
from baton_eventlog.leader import LeadershipLost
from baton_eventlog.reader import follow
from baton_eventlog.sql import QUERIES
from baton_runtime.bus import BusUnavailable
from baton_runtime.host import Host
from baton_runtime.messages import event_message

log = structlog.get_logger("baton.relay")
CHECKPOINT: Final = "relay"
_RETRY: Final = 0.2


async def relay(host: Host) -> None:
    """Publish the log from the checkpoint on, for ever. Raises `LeadershipLost` when another leads."""
    await host.pool.execute(QUERIES["start_checkpoint"], CHECKPOINT)
    position: int = await host.pool.fetchval(QUERIES["checkpoint"], CHECKPOINT)
    async for events in follow(host.pool, host.signal, position):
        await publish(host, events)
        reached = events[-1].position
        if await host.pool.fetchval(QUERIES["move_checkpoint"], CHECKPOINT, position, reached) is None:
            raise LeadershipLost(f"The relay's checkpoint left {position} by another hand")
        position = reached


async def publish(host: Host, events: Sequence[Event]) -> None:
    """Publish to whoever must react; returns when everything that can be published is confirmed."""
    waiting = [(queue, event) for event in events if (queue := queue_of(event.payload))]
    while waiting:
        batch = [(queue, event_message(event)) for queue, event in waiting]
        results = await host.bus.publish(batch)
        failed = [(one, result) for one, result in zip(waiting, results, strict=True) if result]
        waiting = [one for one, result in failed if isinstance(result, BusUnavailable)]
        for (queue, event), result in failed:
            if not isinstance(result, BusUnavailable):
                log.error("event_parked", queue=queue, position=event.position, reason=str(result))
        if waiting:
            log.warning("relay_waits_for_bus", messages=len(waiting))
            await asyncio.sleep(_RETRY)
