"""What is declared on the broker: quorum queues, an exchange that leads dead letters to a queue, one for each topic.

All but the topics is durable. Everything is declared again after every reconnect, so a broker that lost its disk gets
it all back. The delivery limit is explicit because RabbitMQ 3 has none by default. Dead letters have no limit of ours,
and no exchange behind them.
"""

from collections.abc import Iterable
from typing import Final

import aio_pika
from aio_pika.abc import AbstractChannel
from aiormq.channel import Channel
from pamqp.common import Arguments

from baton_runtime.bus.limits import BROADCASTS_WAITING, DEAD, DELIVERY_LIMIT

_EAR: Final[Arguments] = {"x-max-length": BROADCASTS_WAITING, "x-overflow": "drop-head"}


async def declare(channel: AbstractChannel, prefix: str, queues: Iterable[str]) -> None:
    """Declare the dead letters and these queues (idempotent); the caller sets the deadline."""
    graveyard = await channel.declare_exchange(dead_exchange(prefix), aio_pika.ExchangeType.FANOUT, durable=True)
    for queue in (DEAD, *queues):
        declared = await channel.declare_queue(
            address(prefix, queue), durable=True, arguments=_arguments(prefix, queue)
        )
        if queue == DEAD:
            await declared.bind(graveyard)


async def declare_topic(channel: AbstractChannel, prefix: str, topic: str) -> None:
    """Declare the exchange of a topic (idempotent); it goes when the broker stops."""
    await channel.declare_exchange(topic_exchange(prefix, topic), aio_pika.ExchangeType.FANOUT, durable=False)


async def declare_ear(channel: Channel, prefix: str, topic: str) -> str:
    """Declare a listener's own queue at a declared topic, and give its name; it goes with its consumer."""
    declared = await channel.queue_declare(exclusive=True, auto_delete=True, arguments=_EAR)
    queue = declared.queue or ""
    await channel.queue_bind(queue, topic_exchange(prefix, topic))
    return queue


def topic_exchange(prefix: str, topic: str) -> str:
    """Name the exchange of a topic."""
    return f"{prefix}.broadcast.{topic}"


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
