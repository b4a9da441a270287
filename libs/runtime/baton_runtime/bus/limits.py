"""What both adapters refuse and where both draw the line, so that a service sees one bus and not two."""

from typing import Final

from baton_runtime.bus.protocol import Message, Unroutable

DEAD: Final = "dead"
"""The queue of dead letters. It is declared by every bus; consume it to inspect or drain what nobody could take."""

DELIVERY_LIMIT: Final = 20
"""How often a message may be given back; the next rejection makes it a dead letter."""

MAX_BODY_BYTES: Final = 16 * 1024 * 1024 - 64 * 1024
"""RabbitMQ 4 closes the channel above 16 MiB; the margin is for properties and headers."""

MAX_BROADCAST_BYTES: Final = 64 * 1024
"""The largest body of a broadcast: many of them wait in memory, so each must be small."""

BROADCASTS_WAITING: Final = 1000
"""How many broadcasts may wait at their sender, and how many for each listener; what is more is lost."""


def refusal(message: Message) -> Unroutable | None:
    """Say why this message cannot be sent at all, or None; its size is judged here and never by the broker."""
    if len(message.body) <= MAX_BODY_BYTES:
        return None
    return Unroutable(
        f"Message {message.id} ({message.type}) has a body of {len(message.body):,} bytes and the bus takes at "
        f"most {MAX_BODY_BYTES:,}: it was not sent. Store the content as a blob and send its name instead."
    )


def no_such_queue(queue: str, message: Message) -> Unroutable:
    """Name the queue that is missing and the message that came back."""
    return Unroutable(
        f"There is no queue {queue!r}: message {message.id} ({message.type}) was returned and nobody was told. "
        f"Declare the queue, or start the service that does, and send it again."
    )
