"""One channel that consumes one queue: deliveries go to the sink, verdicts go back in as few frames as possible.

A channel of its own for each subscription keeps the tags dense (so that `multiple` covers nearly everything) and
gives back all that was not settled when it is closed. A feed ends with its channel: what is settled afterwards is
ignored, because the broker delivers it again anyway.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel

from baton_runtime.bus import rabbitmq_wire as wire
from baton_runtime.bus.protocol import Delivery, Message
from baton_runtime.bus.rabbitmq_calls import CLOSE_TIMEOUT, describe
from baton_runtime.bus.settlements import Settlement, Settlements, Verdict

WRITE_TIMEOUT: Final = 10.0
"""Seconds for one acknowledgement to leave; a peer that takes none for so long is gone."""

log = structlog.get_logger("baton.bus")

Answer = Callable[[str, str | None, bytes], None]


class Feed:
    """Deliveries of one channel and what became of them; `fail` is told when acknowledgements do not leave."""

    def __init__(
        self,
        channel: Channel,
        sink: Callable[[Delivery], None],
        *,
        answer: Answer,
        fail: Callable[[str], None],
    ) -> None:
        self.channel = channel
        self._sink = sink
        self._answer = answer
        self._fail = fail
        self._settlements = Settlements()
        self._flushing: asyncio.Task[None] | None = None
        self._open = True

    async def receive(self, delivered: DeliveredMessage) -> None:
        """Hand one delivery to the sink; what no bus of ours has sent goes to the dead letters."""
        tag = delivered.delivery_tag
        if not self._open or tag is None:
            return
        try:
            message = wire.message(delivered)
        except wire.Foreign as error:
            log.error("foreign_message", queue=delivered.routing_key, reason=str(error))  # noqa: TRY400 (no bug of ours)
            self.settle(tag, Verdict.DISCARD)
            return
        self._sink(RabbitDelivery(self, delivered, message, tag))

    def settle(self, tag: int, verdict: Verdict) -> bool:
        """Note a verdict, which leaves with all others of this turn of the loop; False when it comes too late."""
        if not self._open or not self._settlements.add(tag, verdict):
            return False
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush())
        return True

    def answer(self, delivered: DeliveredMessage, body: bytes) -> None:
        """Reply to the requester, if the message came from one."""
        asked = delivered.header.properties
        if asked.reply_to and self._open:
            self._answer(asked.reply_to, asked.correlation_id, body)

    async def close(self) -> None:
        """Take nothing more and send the verdicts that are noted."""
        self._open = False
        if self._flushing is not None:
            await asyncio.wait([self._flushing], timeout=CLOSE_TIMEOUT)

    async def _flush(self) -> None:
        try:
            while frames := self._settlements.drain():
                for frame in frames:
                    await self._write(frame)
        except Exception as error:  # noqa: BLE001 (a dying channel hands out whatever killed it)
            self._open = False
            self._fail(f"acknowledgements did not leave: {describe(error)}")
        finally:
            self._flushing = None

    async def _write(self, frame: Settlement) -> None:
        async with asyncio.timeout(WRITE_TIMEOUT):
            if frame.verdict is Verdict.ACK:
                await self.channel.basic_ack(frame.tag, multiple=frame.multiple, wait=False)
            else:
                requeue = frame.verdict is Verdict.REQUEUE
                await self.channel.basic_nack(frame.tag, requeue=requeue, wait=False)


class RabbitDelivery:
    """One message in our hands; settling it twice, or after its channel is gone, does nothing."""

    __slots__ = ("_delivered", "_feed", "_tag", "message")

    def __init__(self, feed: Feed, delivered: DeliveredMessage, message: Message, tag: int) -> None:
        self.message = message
        self._feed = feed
        self._delivered = delivered
        self._tag = tag

    @property
    def redelivered(self) -> bool:
        """True when the broker handed it out before."""
        return bool(self._delivered.redelivered)

    def ack(self) -> None:
        """Settle it."""
        self._feed.settle(self._tag, Verdict.ACK)

    def reject(self, reason: str) -> None:
        """Give it back; the queue's delivery limit makes it a dead letter in the end."""
        if self._feed.settle(self._tag, Verdict.REQUEUE):
            log.info("delivery_rejected", message_id=str(self.message.id), type=self.message.type, reason=reason)

    def reply(self, body: bytes) -> None:
        """Answer whoever still waits."""
        self._feed.answer(self._delivered, body)
