"""Broadcasting over a fanout exchange for each topic: no confirms, no acknowledgements, nothing that is kept.

Bodies leave in the background on a channel of their own and in order; a bounded number of them waits. A listener has
a queue of its own on the broker, bounded too, that goes when it does. Either side declares the exchange, the sender on
another channel: a refused declaration must not take the link along.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.channel import Channel

from baton_runtime.bus.limits import BROADCASTS_WAITING, MAX_BROADCAST_BYTES
from baton_runtime.bus.rabbitmq_calls import describe
from baton_runtime.bus.rabbitmq_topology import topic_exchange

log = structlog.get_logger("baton.bus")


class Broadcasts:
    """Sends broadcasts; `send` never raises and never waits."""

    def __init__(
        self,
        channel: AbstractChannel,
        prefix: str,
        *,
        declare: Callable[[str], Awaitable[None]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        patience: float,
    ) -> None:
        self._channel = channel
        self._prefix = prefix
        self._declare = declare
        self._spawn = spawn
        self._patience = patience
        self._declared: set[str] = set()
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._sending = False
        self._dropped = 0

    def send(self, topic: str, body: bytes) -> None:
        """Send it soon, or drop it where it is too large or too much waits."""
        if len(body) > MAX_BROADCAST_BYTES or len(self._waiting) >= BROADCASTS_WAITING:
            self._dropped += 1
        else:
            self._waiting.append((topic, body))
        if not self._sending:
            self._sending = True
            self._spawn(self._send_all())

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                async with asyncio.timeout(self._patience):
                    await self._send(*self._waiting.popleft())
            why = "too large, or too many at once"
        except Exception as error:  # noqa: BLE001 (a dying channel hands out whatever killed it)
            self._dropped += 1 + len(self._waiting)
            self._waiting.clear()
            why = describe(error)
        finally:
            self._sending = False
        if self._dropped:
            log.warning("broadcasts_dropped", count=self._dropped, reason=why)
            self._dropped = 0

    async def _send(self, topic: str, body: bytes) -> None:
        if topic not in self._declared:
            await self._declare(topic)
            self._declared.add(topic)
        await self._channel.basic_publish(body, exchange=topic_exchange(self._prefix, topic))


class Ear:
    """One channel that listens to one topic."""

    def __init__(self, channel: Channel, topic: str, sink: Callable[[bytes], None]) -> None:
        self.channel = channel
        self._topic = topic
        self._sink = sink
        self._open = True

    async def receive(self, delivered: DeliveredMessage) -> None:
        """Hand one body to the sink."""
        if not self._open:
            return
        try:
            self._sink(delivered.body)
        except Exception:
            log.exception("sink_failed", topic=self._topic)

    async def close(self) -> None:
        """Hear no more."""
        self._open = False
