"""The bus: publish to named queues, consume from them, ask and be answered, broadcast (see `protocol`)."""

from baton_runtime.bus.limits import DEAD, DELIVERY_LIMIT, MAX_BODY_BYTES, MAX_BROADCAST_BYTES
from baton_runtime.bus.memory import MemoryBus
from baton_runtime.bus.protocol import (
    Bus,
    BusUnavailable,
    Delivery,
    Header,
    Message,
    Reply,
    Subscription,
    Unroutable,
)
from baton_runtime.bus.rabbitmq import RabbitBus

__all__ = [
    "DEAD",
    "DELIVERY_LIMIT",
    "MAX_BODY_BYTES",
    "MAX_BROADCAST_BYTES",
    "Bus",
    "BusUnavailable",
    "Delivery",
    "Header",
    "MemoryBus",
    "Message",
    "RabbitBus",
    "Reply",
    "Subscription",
    "Unroutable",
    "open_bus",
]


def open_bus(amqp_url: str | None, *, name: str) -> Bus:
    """Make the bus for this URL, or a new one in memory without; call `start` before using it.

    The memory bus connects only those who share the object. `ValueError` when the URL is not one.
    """
    return MemoryBus() if amqp_url is None else RabbitBus(amqp_url, name=name)
