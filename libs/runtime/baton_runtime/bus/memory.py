"""The bus of one process: the five services share one `MemoryBus`.

It keeps the same promises as RabbitMQ and forgets everything when the process dies; what was outstanding is
derived from the log and sent again. Sinks are called from the event loop, never from within a call to the bus,
so a sink may publish, settle or cancel at will. Everything belongs to one event loop; nothing here is for threads.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from uuid import uuid4

from baton_runtime.bus.limits import DEAD, DELIVERY_LIMIT, no_such_queue, refusal
from baton_runtime.bus.memory_queue import Item, MemoryQueue, MemorySubscription
from baton_runtime.bus.memory_topic import MemoryListener, MemoryTopic
from baton_runtime.bus.protocol import BusUnavailable, Delivery, Message, Reply


class MemoryBus:
    """Queues in this process's memory; whoever opened it closes it, and a closed one keeps its messages."""

    def __init__(self, *, delivery_limit: int = DELIVERY_LIMIT) -> None:
        self._delivery_limit = delivery_limit
        self._queues: dict[str, MemoryQueue] = {}
        self._topics: defaultdict[str, MemoryTopic] = defaultdict(MemoryTopic)
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self._open = False

    async def start(self) -> None:
        """Open it; at once, and again after `close` if need be."""
        self._open = True
        await self.declare([DEAD])

    async def close(self) -> None:
        """Cancel every subscription and every waiting request; the queues keep their messages."""
        self._open = False
        for queue in self._queues.values():
            queue.cancel_all()
        for topic in self._topics.values():
            topic.cancel_all()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(closed())

    async def declare(self, queues: Sequence[str]) -> None:
        """Make sure that these queues exist (idempotent)."""
        for name in queues:
            if name not in self._queues:
                self._queues[name] = MemoryQueue(self._answer, self._bury(name))

    async def publish(self, batch: Sequence[tuple[str, Message]]) -> list[Exception | None]:
        """Put each message on its queue; see `Bus.publish` for what the list holds."""
        results = [self._put(queue, Item(message)) for queue, message in batch]
        await asyncio.sleep(0)  # a publisher in a loop must not starve its consumers
        return results

    async def consume(self, queue: str, sink: Callable[[Delivery], None], *, prefetch: int) -> MemorySubscription:
        """Deliver to `sink` with at most `prefetch` unsettled; the queue is declared if need be."""
        if not self._open:
            raise closed()
        await self.declare([queue])
        return self._queues[queue].subscribe(sink, prefetch)

    async def request(self, queue: str, message: Message, *, timeout: float) -> Reply:
        """Send and wait `timeout` seconds for the answer; an answer that comes later is dropped."""
        correlation = uuid4().hex
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[correlation] = waiting
        try:
            if refused := self._put(queue, Item(message, correlation)):
                raise refused
            async with asyncio.timeout(timeout):
                return await waiting
        finally:
            del self._waiting[correlation]

    def broadcast(self, topic: str, body: bytes) -> None:
        """Tell everybody who listens right now, soon; see `Bus.broadcast` for what is dropped."""
        if self._open:
            self._topics[topic].put(body)

    async def listen(self, topic: str, sink: Callable[[bytes], None]) -> MemoryListener:
        """Give `sink` every body that is broadcast from now on."""
        if not self._open:
            raise closed()
        return self._topics[topic].listen(sink)

    def healthy(self) -> bool:
        """Tell whether it is open."""
        return self._open

    def _put(self, name: str, item: Item) -> Exception | None:
        if not self._open:
            return closed()
        if refused := refusal(item.message):
            return refused
        queue = self._queues.get(name)
        if queue is None:
            return no_such_queue(name, item.message)
        queue.put(item)
        return None

    def _answer(self, correlation: str, body: bytes) -> None:
        waiting = self._waiting.get(correlation)
        if waiting is not None and not waiting.done():
            waiting.set_result(Reply(body))

    def _bury(self, name: str) -> Callable[[Item], bool]:
        """Make the rule by which queue `name` parts with a rejected item: True when it went to the dead letters."""

        def bury(item: Item) -> bool:
            if name == DEAD or item.returns <= self._delivery_limit:
                return False
            self._queues[DEAD].put(Item(item.message))
            return True

        return bury


def closed() -> BusUnavailable:
    """Say that this bus is not open."""
    return BusUnavailable("The memory bus is closed, so nothing was sent or taken: start it before using it.")
