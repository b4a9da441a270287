"""One lifetime of being connected: two connections and the channels on them. It is never mended, only replaced.

Publishing and consuming have a connection each, because RabbitMQ stops reading from a connection that publishes
while it is short of memory or disk: acknowledgements on a connection of their own go on and help it recover.
When anything closes that was not closed by us, `lost` is resolved with the reason and the link is good for nothing.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol, cast

import aio_pika
import aio_pika.abc
from aiormq.channel import Channel
from yarl import URL

from baton_runtime.bus import rabbitmq_topology as topology
from baton_runtime.bus.protocol import BusUnavailable, Delivery
from baton_runtime.bus.rabbitmq_broadcasts import Broadcasts, Ear
from baton_runtime.bus.rabbitmq_calls import CLOSE_TIMEOUT, calling, describe
from baton_runtime.bus.rabbitmq_feed import Feed
from baton_runtime.bus.rabbitmq_publisher import Publisher
from baton_runtime.bus.rabbitmq_requests import Answers, Requests

STEP_TIMEOUT: Final = 10.0
"""Seconds for one exchange with the broker (open a channel, declare a queue)."""

BLOCK_CHECK: Final = 0.5
"""Seconds between two looks at whether the broker refuses to read from us."""


class Consumer(Protocol):
    """What takes messages on a channel of its own."""

    @property
    def channel(self) -> Channel:
        """The channel, which is closed after it."""

    async def close(self) -> None:
        """Take nothing more."""


class Link:
    """Connections, channels and what runs on them; made by `open`, ended by `close`."""

    publisher: Publisher
    requests: Requests
    answers: Answers
    broadcasts: Broadcasts
    _publishing: aio_pika.abc.AbstractConnection
    _consuming: aio_pika.abc.AbstractConnection

    def __init__(self, prefix: str) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.blocked = False
        self._prefix = prefix
        self._connections: list[aio_pika.abc.AbstractConnection] = []
        self._channels: dict[Channel, aio_pika.abc.AbstractChannel] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, url: URL, name: str, prefix: str) -> "Link":
        """Connect and open the channels within `STEP_TIMEOUT`; raises whatever stood in the way."""
        link = cls(prefix)
        try:
            async with asyncio.timeout(STEP_TIMEOUT):
                await link._connect(url, name)
        except BaseException:
            await link.close()
            raise
        return link

    def lose(self, reason: str) -> None:
        """Declare the link lost; the first reason counts."""
        if not self.lost.done():
            self.lost.set_result(reason)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work for as long as the link lives; its failure is the link's."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def usable(self) -> bool:
        """Tell whether it is whole and the broker reads from it."""
        return not self.lost.done() and not self.blocked

    async def declare(self, queues: Sequence[str]) -> None:
        """Declare on a channel of its own, because a refused declaration closes its channel."""
        with calling(f"declare the queues {', '.join(queues)}"):
            async with asyncio.timeout(STEP_TIMEOUT), self._consuming.channel() as channel:
                await topology.declare(channel, self._prefix, queues)

    async def feed(
        self, queue: str, sink: Callable[[Delivery], None], prefetch: int, cancelled: Callable[[], None]
    ) -> Feed:
        """Start to consume; `cancelled` is called when the broker ends it, because the queue was deleted."""
        with calling(f"let us consume {queue}"):
            async with asyncio.timeout(STEP_TIMEOUT):
                channel = await self._channel(self._consuming, confirms=False)
                feed = Feed(channel, sink, answer=self.answers.send, fail=self.lose)
                channel.on_consumer_cancel_callbacks.add(lambda _: cancelled())
                await channel.basic_qos(prefetch_count=prefetch)
                await channel.basic_consume(topology.address(self._prefix, queue), feed.receive)
        return feed

    async def listen(self, topic: str, sink: Callable[[bytes], None], cancelled: Callable[[], None]) -> Ear:
        """Start to listen; `cancelled` is called when the broker ends it."""
        await self._declare_topic(topic)
        with calling(f"let us listen to {topic}"):
            async with asyncio.timeout(STEP_TIMEOUT):
                channel = await self._channel(self._consuming, confirms=False)
                ear = Ear(channel, topic, sink)
                channel.on_consumer_cancel_callbacks.add(lambda _: cancelled())
                queue = await topology.declare_ear(channel, self._prefix, topic)
                await channel.basic_consume(queue, ear.receive, no_ack=True)
        return ear

    async def retire(self, consumer: Consumer) -> None:
        """End a consumer: send its verdicts, close its channel; the broker takes back what was not settled."""
        await consumer.close()
        channel = self._channels.pop(consumer.channel, None)
        if channel is not None and not channel.is_closed:
            await _close(channel)

    async def close(self) -> None:
        """Close what is open, in bounded time; what waits for an answer fails."""
        self.lose("closed by us")
        self._channels.clear()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*(_close(connection) for connection in self._connections))

    async def _connect(self, url: URL, name: str) -> None:
        self._publishing = await self._connection(url, f"{name} publishes")
        self._consuming = await self._connection(url, f"{name} consumes")
        self.publisher = Publisher(await self._channel(self._publishing, confirms=True), self._prefix)
        self.requests = Requests(await self._channel(self._publishing, confirms=True), self._prefix)
        await self.requests.listen(timeout=STEP_TIMEOUT)
        self.lost.add_done_callback(lambda lost: self.requests.abandon(lost.result()))
        self.answers = Answers(await self._channel(self._publishing, confirms=False), patience=STEP_TIMEOUT)
        self.broadcasts = Broadcasts(
            await self._channel(self._publishing, confirms=False),
            self._prefix,
            declare=self._declare_topic,
            spawn=self.spawn,
            patience=STEP_TIMEOUT,
        )
        self.spawn(self._watch_blocking())

    async def _declare_topic(self, topic: str) -> None:
        with calling(f"declare the topic {topic}"):
            async with asyncio.timeout(STEP_TIMEOUT), self._consuming.channel() as channel:
                await topology.declare_topic(channel, self._prefix, topic)

    async def _connection(self, url: URL, name: str) -> aio_pika.abc.AbstractConnection:
        connection = await aio_pika.connect(url, timeout=STEP_TIMEOUT, client_properties={"connection_name": name})
        self._connections.append(connection)
        connection.close_callbacks.add(lambda _, error: self.lose(f"the connection was closed: {describe(error)}"))
        return connection

    async def _channel(self, connection: aio_pika.abc.AbstractConnection, *, confirms: bool) -> Channel:
        channel = connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
        await channel.initialize()
        inner = cast("Channel", await channel.get_underlay_channel())
        self._channels[inner] = channel
        inner.closing.add_done_callback(partial(self._channel_closed, inner))
        return inner

    def _channel_closed(self, inner: Channel, closing: asyncio.Future[Any]) -> None:
        if self._channels.pop(inner, None) is not None:
            self.lose(f"a channel was closed: {describe(None if closing.cancelled() else closing.exception())}")

    async def _watch_blocking(self) -> None:
        transport = self._publishing.transport
        while transport is not None:
            try:
                async with asyncio.timeout(BLOCK_CHECK):
                    await transport.ready()
                self.blocked = False
            except TimeoutError:
                self.blocked = True
            await asyncio.sleep(BLOCK_CHECK)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.lose(describe(error))


async def _close(what: aio_pika.abc.AbstractConnection | aio_pika.abc.AbstractChannel) -> None:
    with suppress(BusUnavailable), calling("agree that we close"):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await what.close()
