"""A consumer that outlives links: it is attached to each link in turn, and again when its queue was deleted."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from baton_runtime.bus.protocol import BusUnavailable, Delivery
from baton_runtime.bus.rabbitmq_link import Link

if TYPE_CHECKING:
    from baton_runtime.bus.rabbitmq_feed import Feed


class RabbitSubscription:
    """A running consumer; `forget` is called once, when it is cancelled."""

    def __init__(
        self,
        queue: str,
        sink: Callable[[Delivery], None],
        prefetch: int,
        forget: Callable[["RabbitSubscription"], None],
    ) -> None:
        self._queue = queue
        self._sink = sink
        self._prefetch = prefetch
        self._forget = forget
        self._attached: tuple[Link, Feed] | None = None
        self._cancelled = False
        self._changing = asyncio.Lock()

    async def begin(self, link: Link) -> None:
        """Attach to the first link; where it is lost meanwhile, whoever builds the next one attaches us to that."""
        try:
            await self.attach(link)
        except BusUnavailable:
            if not link.lost.done():
                raise

    async def attach(self, link: Link) -> None:
        """Declare the queue and consume over this link, leaving an earlier one; raises `BusUnavailable`."""
        async with self._changing:
            await self._leave()
            if self._cancelled:
                return
            await link.declare([self._queue])
            feed = await link.feed(self._queue, self._sink, self._prefetch, lambda: self._reattach(link))
            self._attached = link, feed

    async def detach(self) -> None:
        """Stop taking, send the acknowledgements that are noted, and give back the rest."""
        async with self._changing:
            await self._leave()

    async def cancel(self) -> None:
        """End it for good."""
        self._cancelled = True
        self._forget(self)
        await self.detach()

    async def _leave(self) -> None:
        if self._attached is not None:
            (link, feed), self._attached = self._attached, None
            await link.retire(feed)

    def _reattach(self, link: Link) -> None:
        link.spawn(self.attach(link))
