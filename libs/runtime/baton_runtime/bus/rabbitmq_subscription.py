"""A consumer or listener that outlives links: attached to each in turn, and again when its queue was deleted."""

import asyncio
from collections.abc import Awaitable, Callable

from baton_runtime.bus.protocol import BusUnavailable
from baton_runtime.bus.rabbitmq_link import Consumer, Link

Open = Callable[[Link, Callable[[], None]], Awaitable[Consumer]]
"""Starts to take messages over a link; its second argument is to be called when the broker ends that."""


class RabbitSubscription:
    """A running consumer or listener; `forget` is called once, when it is cancelled."""

    def __init__(self, consume: Open, forget: Callable[["RabbitSubscription"], None]) -> None:
        self._open = consume
        self._forget = forget
        self._attached: tuple[Link, Consumer] | None = None
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
        """Take messages over this link, leaving an earlier one; raises `BusUnavailable`."""
        async with self._changing:
            await self._leave()
            if self._cancelled:
                return
            self._attached = link, await self._open(link, lambda: self._reattach(link))

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
            (link, consumer), self._attached = self._attached, None
            await link.retire(consumer)

    def _reattach(self, link: Link) -> None:
        link.spawn(self.attach(link))
