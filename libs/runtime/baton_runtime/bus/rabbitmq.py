"""The bus on RabbitMQ: one supervisor task keeps a `Link` alive and rebuilds everything when anything closes.

Rebuilding means connections, channels, every queue ever declared here and every running subscription, so even a
broker that lost its disk is as before. While there is no link, `publish` and `request` fail at once with
`BusUnavailable`, broadcasts are lost, `declare` waits for the next one, and subscriptions simply go on afterwards.
The password is in no message and in no log line.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from baton_runtime.bus.protocol import BusUnavailable, Delivery, Message, Reply
from baton_runtime.bus.rabbitmq_calls import cancelled_from_outside, describe
from baton_runtime.bus.rabbitmq_feed import Feed
from baton_runtime.bus.rabbitmq_link import Link
from baton_runtime.bus.rabbitmq_patience import LONGEST_PAUSE, patiently, pause
from baton_runtime.bus.rabbitmq_subscription import Open, RabbitSubscription
from baton_runtime.bus.rabbitmq_url import parse

CONNECT_TIMEOUT: Final = 10.0
CONFIRM_TIMEOUT: Final = 10.0
LINK_TIMEOUT: Final = 30.0

log = structlog.get_logger("baton.bus")


class RabbitBus:
    """See `Bus`; `name` shows in the broker's list of connections, `prefix` keeps installations apart."""

    def __init__(
        self,
        url: str,
        *,
        name: str,
        prefix: str = "baton",
        connect_timeout: float = CONNECT_TIMEOUT,
        confirm_timeout: float = CONFIRM_TIMEOUT,
        link_timeout: float = LINK_TIMEOUT,
    ) -> None:
        self._url = parse(url)
        self._name = name
        self._prefix = prefix
        self._connect_timeout = connect_timeout
        self._confirm_timeout = confirm_timeout
        self._link_timeout = link_timeout
        self._link: Link | None = None
        self._ready = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._queues: dict[str, None] = {}
        self._subscriptions: dict[RabbitSubscription, None] = {}
        self._trouble = "no answer"

    async def start(self) -> None:
        """Connect, trying again until the connect deadline; then `BusUnavailable`."""
        if self._supervisor is None:
            self._supervisor = asyncio.get_running_loop().create_task(self._supervise())
        try:
            async with asyncio.timeout(self._connect_timeout):
                await self._ready.wait()
        except TimeoutError:
            await self.close()
            raise BusUnavailable(
                f"RabbitMQ at {self._place()} could not be used within {self._connect_timeout:g} s "
                f"({self._trouble}). Check that it runs, that BATON_AMQP_URL names it and that user, password "
                f"and virtual host are right, then start again."
            ) from None

    async def close(self) -> None:
        """Send the acknowledgements that are noted and close; unsettled deliveries go back."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.cancel()
            await asyncio.wait([supervisor])
        self._subscriptions.clear()

    async def declare(self, queues: Sequence[str]) -> None:
        """Make sure that these queues exist, now and after every reconnect.

        Waits for a link; `BusUnavailable` when that takes too long, when the broker refuses, and when not started.
        """
        self._require_started()
        await patiently(self._living, lambda link: link.declare(queues), timeout=self._link_timeout)
        self._queues.update(dict.fromkeys(queues))

    async def publish(self, batch: Sequence[tuple[str, Message]]) -> list[Exception | None]:
        """Send all, pipelined, with confirms and one deadline for the whole batch; see `Bus.publish`."""
        deadline = asyncio.get_running_loop().time() + self._confirm_timeout
        try:
            return await self._usable().publisher.publish(batch, deadline=deadline)
        except BusUnavailable as error:
            return [error] * len(batch)

    async def consume(self, queue: str, sink: Callable[[Delivery], None], *, prefetch: int) -> RabbitSubscription:
        """Deliver to `sink`, now or once connected; declares the queue; `BusUnavailable` when that is refused."""

        async def feed(link: Link, ended: Callable[[], None]) -> Feed:
            await link.declare([queue])
            return await link.feed(queue, sink, prefetch, ended)

        return await self._subscribe(feed)

    async def request(self, queue: str, message: Message, *, timeout: float) -> Reply:
        """Send and wait `timeout` seconds for the answer; see `Bus.request`."""
        deadline = asyncio.get_running_loop().time() + timeout
        return await self._usable().requests.ask(queue, message, deadline=deadline)

    def broadcast(self, topic: str, body: bytes) -> None:
        """Tell everybody who listens right now; see `Bus.broadcast` for what is dropped."""
        if self._link is not None and self._link.usable():
            self._link.broadcasts.send(topic, body)

    async def listen(self, topic: str, sink: Callable[[bytes], None]) -> RabbitSubscription:
        """Listen now or once connected; `BusUnavailable` when that is refused."""
        return await self._subscribe(lambda link, ended: link.listen(topic, sink, ended))

    def healthy(self) -> bool:
        """Tell whether everything is connected and attached, and the broker reads from us."""
        return self._ready.is_set() and self._link is not None and self._link.usable()

    async def _subscribe(self, consume: Open) -> RabbitSubscription:
        self._require_started()
        subscription = RabbitSubscription(consume, self._forget)
        self._subscriptions[subscription] = None
        if (link := self._link) is not None:
            try:
                await patiently(lambda: link, subscription.begin, timeout=self._link_timeout)
            except BusUnavailable:
                await subscription.cancel()
                raise
        return subscription

    def _forget(self, subscription: RabbitSubscription) -> None:
        self._subscriptions.pop(subscription, None)

    def _require_started(self) -> None:
        if self._supervisor is None:
            raise BusUnavailable("The bus is not started, so it has no queues: start it before using it.")

    def _living(self) -> Link:
        if self._link is None or self._link.lost.done():
            raise BusUnavailable(f"There is no connection to RabbitMQ ({self._trouble}). Try again later.")
        return self._link

    def _usable(self) -> Link:
        if self._living().blocked:
            raise BusUnavailable("RabbitMQ is short of memory or disk and takes no messages. Try again later.")
        return self._living()

    async def _supervise(self) -> None:
        failures = 0
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            self._note(await self._live())
            failures = 0 if clock() - began > LONGEST_PAUSE else failures + 1
            await asyncio.sleep(pause(failures))

    async def _live(self) -> str:
        """Build a link and stay with it until it is lost; the reason why it could not be built or was lost."""
        try:
            link = await Link.open(self._url, self._name, self._prefix)
            try:
                return await self._use(link)
            finally:
                await self._let_go(link)
        except asyncio.CancelledError:
            if cancelled_from_outside():
                raise
            return "the connection was closed while it was set up"
        except Exception as error:  # noqa: BLE001 (whatever it is, the answer is to try again)
            return describe(error)

    async def _use(self, link: Link) -> str:
        await link.declare(tuple(self._queues))
        self._link = link
        for subscription in tuple(self._subscriptions):
            await subscription.attach(link)
        self._ready.set()
        log.info("bus_connected", broker=self._place(), name=self._name)
        return await asyncio.shield(link.lost)

    async def _let_go(self, link: Link) -> None:
        self._ready.clear()
        self._link = None
        await asyncio.gather(*(subscription.detach() for subscription in self._subscriptions))
        await link.close()

    def _note(self, trouble: str) -> None:
        for secret in filter(None, (self._url.password, self._url.raw_password)):
            trouble = trouble.replace(secret, "***")
        self._trouble = trouble
        log.warning("bus_lost", broker=self._place(), name=self._name, reason=trouble)

    def _place(self) -> str:
        return f"{self._url.host}:{self._url.port or 'default port'}"
