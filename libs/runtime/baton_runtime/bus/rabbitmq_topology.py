"""What is declared on the broker: quorum queues, and one exchange that leads dead letters to a queue of their own.

Everything is durable and declared again after every reconnect, so a broker that lost its disk gets it all back.
The delivery limit is explicit because RabbitMQ 3 has none by default. Dead letters have no limit of ours, and no
exchange behind them.
"""

from collections.abc import Iterable

import aio_pika
from aio_pika.abc import AbstractChannel
from pamqp.common import Arguments

from baton_runtime.bus.limits import DEAD, DELIVERY_LIMIT


async def declare(channel: AbstractChannel, prefix: str, queues: Iterable[str]) -> None:
    """Declare the dead letters and these queues (idempotent); the caller sets the deadline."""
    graveyard = await channel.declare_exchange(dead_exchange(prefix), aio_pika.ExchangeType.FANOUT, durable=True)
    for queue in (DEAD, *queues):
        declared = await channel.declare_queue(
            address(prefix, queue), durable=True, arguments=_arguments(prefix, queue)
        )
        if queue == DEAD:
            await declared.bind(graveyard)


def address(prefix: str, queue: str) -> str:
    """Name a queue as the broker knows it."""
    return f"{prefix}.{queue}"


def dead_exchange(prefix: str) -> str:
    """Name the exchange that rejected messages pass through."""
    return f"{prefix}.dlx"


def _arguments(prefix: str, queue: str) -> Arguments:
    if queue == DEAD:
        return {"x-queue-type": "quorum"}
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": dead_exchange(prefix),
    }
