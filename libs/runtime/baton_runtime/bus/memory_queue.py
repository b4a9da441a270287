"""One queue of the memory bus: what is ready, who takes it, and what was taken and not settled.

Ready items wait in order; what comes back goes to the front. Subscriptions take turns. Handing out happens in one
callback of the event loop that serves everything waiting; an exception in a sink is logged and the delivery stays
unsettled, as it would with a broker.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from baton_runtime.bus.protocol import Delivery, Message

log = structlog.get_logger("baton.bus")


@dataclass(slots=True)
class Item:
    """A message on its way: who waits for an answer, and how often it was handed out and rejected."""

    message: Message
    correlation: str | None = None
    handed_out: int = 0
    returns: int = 0


class MemoryQueue:
    """Items in order, handed to subscriptions in turn; `bury` says whether a rejected item is gone for good."""

    def __init__(self, answer: Callable[[str, bytes], None], bury: Callable[[Item], bool]) -> None:
        self.answer = answer
        self._bury = bury
        self._ready: deque[Item] = deque()
        self._subscriptions: deque[MemorySubscription] = deque()
        self._scheduled = False

    def put(self, item: Item) -> None:
        """Append an item."""
        self._ready.append(item)
        self.wake()

    def give_back(self, items: list[Item]) -> None:
        """Return items to the front, in their order."""
        self._ready.extendleft(reversed(items))
        self.wake()

    def reject(self, item: Item) -> None:
        """Return a rejected item to the front, or part with it past the delivery limit."""
        item.returns += 1
        if not self._bury(item):
            self.give_back([item])

    def subscribe(self, sink: Callable[[Delivery], None], prefetch: int) -> "MemorySubscription":
        """Add a consumer that holds at most `prefetch` unsettled items."""
        subscription = MemorySubscription(self, sink, prefetch)
        self._subscriptions.append(subscription)
        self.wake()
        return subscription

    def leave(self, subscription: "MemorySubscription") -> None:
        """Forget a consumer."""
        self._subscriptions.remove(subscription)

    def cancel_all(self) -> None:
        """End every consumer; what they held comes back."""
        for subscription in tuple(self._subscriptions):
            subscription.stop()

    def wake(self) -> None:
        """Hand out soon what can be handed out."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._hand_out)

    def _hand_out(self) -> None:
        self._scheduled = False
        while self._ready and (taker := self._next_taker()):
            taker.take(self._ready.popleft())

    def _next_taker(self) -> "MemorySubscription | None":
        for _ in range(len(self._subscriptions)):
            self._subscriptions.rotate(-1)
            if self._subscriptions[-1].has_room():
                return self._subscriptions[-1]
        return None


class MemorySubscription:
    """A running consumer of one queue."""

    def __init__(self, queue: MemoryQueue, sink: Callable[[Delivery], None], prefetch: int) -> None:
        self.queue = queue
        self._sink = sink
        self._prefetch = prefetch
        self._unsettled: dict[int, Item] = {}
        self._running = True

    async def cancel(self) -> None:
        """Stop; what was taken and not settled goes back to the front of the queue."""
        self.stop()

    def stop(self) -> None:
        """Cancel without waiting; once is enough."""
        if not self._running:
            return
        self._running = False
        self.queue.leave(self)
        held, self._unsettled = list(self._unsettled.values()), {}
        self.queue.give_back(held)

    def has_room(self) -> bool:
        """Tell whether another item may be taken."""
        return len(self._unsettled) < self._prefetch

    def take(self, item: Item) -> None:
        """Hand one item to the sink."""
        redelivered = item.handed_out > 0
        item.handed_out += 1
        self._unsettled[id(item)] = item
        try:
            self._sink(MemoryDelivery(item, redelivered, self))
        except Exception:
            log.exception("sink_failed", message_id=str(item.message.id), type=item.message.type)

    def settle(self, item: Item) -> bool:
        """Forget an unsettled item; False when it is not ours any more (settled before, or cancelled)."""
        if self._unsettled.pop(id(item), None) is None:
            return False
        self.queue.wake()
        return True


@dataclass(slots=True)
class MemoryDelivery:
    """One item in a consumer's hands; settling it again, or after the subscription ended, does nothing."""

    _item: Item
    redelivered: bool
    _subscription: MemorySubscription
    _settled: bool = field(default=False)

    @property
    def message(self) -> Message:
        """What was sent."""
        return self._item.message

    def ack(self) -> None:
        """Forget it."""
        self._settle()

    def reject(self, reason: str) -> None:
        """Give it back, or to the dead letters past the limit."""
        if self._settle():
            log.info("delivery_rejected", message_id=str(self.message.id), type=self.message.type, reason=reason)
            self._subscription.queue.reject(self._item)

    def reply(self, body: bytes) -> None:
        """Answer whoever still waits."""
        if self._item.correlation is not None:
            self._subscription.queue.answer(self._item.correlation, body)

    def _settle(self) -> bool:
        if self._settled:
            return False
        self._settled = True
        return self._subscription.settle(self._item)
