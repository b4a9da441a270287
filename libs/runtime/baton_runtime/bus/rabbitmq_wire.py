"""How a message looks on the wire: its id, type and headers as AMQP properties, its body untouched."""

from uuid import UUID

import aio_pika
from aiormq import spec
from aiormq.abc import DeliveredMessage

from baton_runtime.bus.protocol import Header, Message


class Foreign(ValueError):
    """A message that no bus of ours has sent: it can never be handled, so it belongs to the dead letters."""


def properties(
    message: Message, *, reply_to: str | None = None, correlation: str | None = None
) -> spec.Basic.Properties:
    """Turn id, type and headers into the properties of a persistent message."""
    return aio_pika.Message(
        b"",
        message_id=str(message.id),
        type=message.type,
        headers=dict(message.headers),
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        reply_to=reply_to,
        correlation_id=correlation,
    ).properties


def message(delivered: DeliveredMessage) -> Message:
    """Read a message back; raises `Foreign` when it has no UUID as its id."""
    found = delivered.header.properties
    try:
        identity = UUID(found.message_id or "")
    except ValueError as error:
        raise Foreign(f"its message_id is {str(found.message_id)[:64]!r}, not a UUID") from error
    return Message(identity, found.message_type or "", delivered.body, _headers(found))


def _headers(found: spec.Basic.Properties) -> dict[str, Header]:
    """Keep what a sender of ours can have set; the broker's own headers start with `x-`."""
    return {
        str(name): value
        for name, value in (found.headers or {}).items()
        if isinstance(value, str | int) and not str(name).startswith("x-")
    }
