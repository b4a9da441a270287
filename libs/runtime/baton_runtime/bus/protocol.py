"""The bus: a courier, not a memory.

It may lose, repeat, delay or reorder anything. Nothing is lost and nothing happens twice all the same, because
what is outstanding is derived from the log and sent again, and receivers deduplicate by `Message.id`. Two
adapters (`memory`, `rabbitmq`) pass one conformance suite.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

Header = str | int


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: `id` is the event's or the command's id, `type` its name, `body` JSON bytes."""

    id: UUID
    type: str
    body: bytes
    headers: Mapping[str, Header] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request: JSON bytes."""

    body: bytes


class Delivery(Protocol):
    """One message taken from a queue; it is settled exactly once, by `ack` or by `reject`."""

    @property
    def message(self) -> Message:
        """What was sent."""

    @property
    def redelivered(self) -> bool:
        """True when the bus knows that it handed this message out before."""

    def ack(self) -> None:
        """Settle it: the bus forgets the message. Returns at once; adapters batch what goes over the wire."""

    def reject(self, reason: str) -> None:
        """Give it back to be delivered again; past the delivery limit it goes to the dead letters."""

    def reply(self, body: bytes) -> None:
        """Answer the requester, if there is one who still waits. Never raises; a lost reply is asked for again."""


class BusUnavailable(Exception):
    """The bus cannot be reached or did not confirm in time; nothing is lost, send it again later."""


class Unroutable(Exception):
    """No such queue: the message was returned. Nobody was told."""


class Subscription(Protocol):
    """A running consumer or listener."""

    async def cancel(self) -> None:
        """Stop taking messages; what a consumer took and did not settle goes back to its queue."""


class Bus(Protocol):
    """Publish to named queues, consume from them, ask and be answered; and broadcast what may be lost."""

    async def start(self) -> None:
        """Connect; returns when the bus is usable, or raises `BusUnavailable` after its connect deadline."""

    async def close(self) -> None:
        """Close everything; unsettled deliveries go back to their queues."""

    async def declare(self, queues: Sequence[str]) -> None:
        """Make sure that these queues exist (idempotent); waits out a hiccup, then raises `BusUnavailable`."""

    async def publish(self, batch: Sequence[tuple[str, Message]]) -> list[Exception | None]:
        """Send each message to its queue, all in flight at once; the list holds None for what was confirmed.

        Else `Unroutable` (no such queue, or refused for its size) or `BusUnavailable` (no confirmation in time).
        """

    async def consume(self, queue: str, sink: Callable[[Delivery], None], *, prefetch: int) -> Subscription:
        """Deliver to `sink`, with at most `prefetch` unsettled; goes on by itself after a reconnect."""

    async def request(self, queue: str, message: Message, *, timeout: float) -> Reply:
        """Send and wait for the answer; `TimeoutError` when none came, `BusUnavailable`/`Unroutable` as above."""

    def broadcast(self, topic: str, body: bytes) -> None:
        """Tell everybody who listens right now; never raises and never waits.

        It is dropped where nobody listens, while the bus is away or behind, and above `MAX_BROADCAST_BYTES`.
        """

    async def listen(self, topic: str, sink: Callable[[bytes], None]) -> Subscription:
        """Give `sink` every body that is broadcast from now on; goes on by itself after a reconnect, and may miss some.

        Raises as `consume` does.
        """

    def healthy(self) -> bool:
        """Tell whether the bus is connected right now."""
