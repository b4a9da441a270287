"""Asking and answering over direct reply-to: no reply queues, nothing to declare, nothing to clean up.

A request must be published on the very channel that consumes `amq.rabbitmq.reply-to`, so `Requests` owns one.
Answers go out on a channel without confirms, because a confirm would not say that anybody was there to read them:
what is lost is asked for again. When the link is lost every waiting request fails at once with `BusUnavailable`.
"""

import asyncio
from collections import deque
from typing import Final
from uuid import uuid4

import structlog
from aiormq import spec
from aiormq.abc import AbstractChannel, DeliveredMessage

from baton_runtime.bus.limits import MAX_BODY_BYTES
from baton_runtime.bus.protocol import BusUnavailable, Message, Reply
from baton_runtime.bus.rabbitmq_calls import describe
from baton_runtime.bus.rabbitmq_publisher import Publisher

DIRECT_REPLY_TO: Final = "amq.rabbitmq.reply-to"

log = structlog.get_logger("baton.bus")


class Requests:
    """The requests of this process that still wait for an answer."""

    def __init__(self, channel: AbstractChannel, prefix: str) -> None:
        self._channel = channel
        self._publisher = Publisher(channel, prefix, answer_to=DIRECT_REPLY_TO)
        self._waiting: dict[str, asyncio.Future[Reply]] = {}

    async def listen(self, *, timeout: float) -> None:
        """Begin to take answers; must be called before the first `ask`."""
        await self._channel.basic_consume(DIRECT_REPLY_TO, self._receive, no_ack=True, timeout=timeout)

    async def ask(self, queue: str, message: Message, *, deadline: float) -> Reply:
        """Send and wait; `TimeoutError` past `deadline` (the loop's time), `BusUnavailable`, `Unroutable`."""
        correlation = uuid4().hex
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[correlation] = waiting
        try:
            (refused,) = await self._publisher.publish([(queue, message)], deadline=deadline, correlation=correlation)
            if refused is not None:
                raise refused
            async with asyncio.timeout_at(deadline):
                return await waiting
        finally:
            del self._waiting[correlation]

    def abandon(self, why: str) -> None:
        """Fail whatever still waits: its answer cannot come any more."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(BusUnavailable(f"The answer cannot come any more ({why}); ask again."))
                waiting.exception()  # the asker may still be waiting for its confirm and never look

    async def _receive(self, delivered: DeliveredMessage) -> None:
        waiting = self._waiting.get(delivered.header.properties.correlation_id or "")
        if waiting is not None and not waiting.done():
            waiting.set_result(Reply(delivered.body))


class Answers:
    """Sends answers in the background, in order; `send` never raises and never waits."""

    def __init__(self, channel: AbstractChannel, *, patience: float) -> None:
        self._channel = channel
        self._patience = patience
        self._queue: deque[tuple[str, str | None, bytes]] = deque()
        self._sending: asyncio.Task[None] | None = None

    def send(self, reply_to: str, correlation: str | None, body: bytes) -> None:
        """Answer a request; dropped with a line in the log when it is too large or the channel is gone."""
        if len(body) > MAX_BODY_BYTES:
            log.error("reply_dropped", reason="larger than the bus takes", bytes=len(body))
            return
        self._queue.append((reply_to, correlation, body))
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send_all())

    async def _send_all(self) -> None:
        try:
            while self._queue:
                async with asyncio.timeout(self._patience):  # for each: many do not make the peer a slow one
                    await self._send(*self._queue.popleft())
        except Exception as error:  # noqa: BLE001 (a dying channel hands out whatever killed it)
            log.warning("reply_dropped", reason=describe(error), more=len(self._queue))
            self._queue.clear()
        finally:
            self._sending = None

    async def _send(self, reply_to: str, correlation: str | None, body: bytes) -> None:
        answer = spec.Basic.Properties(correlation_id=correlation, content_type="application/json", delivery_mode=1)
        await self._channel.basic_publish(body, routing_key=reply_to, properties=answer)
