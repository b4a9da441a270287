"""One channel with publisher confirms: everything in flight at once, and a verdict for each message.

At most `IN_FLIGHT` messages await their confirm; the rest of a batch waits for a place, all under one deadline.
The client library matches a returned message to its confirm by message id alone, so one id is never in flight
twice: were an event sent to two queues at once, the return of one would be taken for the other's. Order within a
queue is kept. After a timeout the message may still arrive; the caller sends it again and receivers deduplicate.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Final
from uuid import UUID

from aiormq.abc import AbstractChannel
from aiormq.exceptions import PublishError

from baton_runtime.bus import rabbitmq_wire as wire
from baton_runtime.bus.limits import no_such_queue, refusal
from baton_runtime.bus.protocol import BusUnavailable, Message, Unroutable
from baton_runtime.bus.rabbitmq_calls import cancelled_from_outside, describe
from baton_runtime.bus.rabbitmq_topology import address

IN_FLIGHT: Final = 500

Results = list[Exception | None]
Lane = list[tuple[int, Message]]


class Publisher:
    """Publishes to queues through the default exchange; `answer_to` is where replies shall go."""

    def __init__(self, channel: AbstractChannel, prefix: str, *, answer_to: str | None = None) -> None:
        self._channel = channel
        self._prefix = prefix
        self._answer_to = answer_to
        self._places = asyncio.Semaphore(IN_FLIGHT)
        self._in_flight: dict[UUID, asyncio.Event] = {}

    async def publish(
        self, batch: Sequence[tuple[str, Message]], *, deadline: float, correlation: str | None = None
    ) -> Results:
        """Send all; `deadline` is in the loop's time. The list holds None, `Unroutable` or `BusUnavailable`."""
        results: Results = [unconfirmed(message, "no confirmation came") for _, message in batch]
        lanes: dict[str, Lane] = defaultdict(list)
        for index, (queue, message) in enumerate(batch):
            lanes[queue].append((index, message))
        async with asyncio.TaskGroup() as group:
            for queue, lane in lanes.items():
                group.create_task(self._send_lane(queue, lane, deadline, correlation, results))
        return results

    async def _send_lane(
        self, queue: str, lane: Lane, deadline: float, correlation: str | None, results: Results
    ) -> None:
        async def send(index: int, message: Message) -> None:
            results[index] = await self._send(queue, message, deadline, correlation)

        async with asyncio.TaskGroup() as group:
            for index, message in lane:
                if refused := refusal(message):
                    results[index] = refused
                elif await self._enter(message.id, deadline):
                    sending = group.create_task(send(index, message))
                    sending.add_done_callback(partial(self._leave, message.id))  # even if it never began

    async def _enter(self, identity: UUID, deadline: float) -> bool:
        """Wait for a place, and until this id is not in flight any more; False when the deadline passes first."""
        try:
            async with asyncio.timeout_at(deadline):
                while (earlier := self._in_flight.get(identity)) is not None:
                    await earlier.wait()
                self._in_flight[identity] = asyncio.Event()
                await self._take_place(identity)
        except TimeoutError:
            return False
        return True

    async def _take_place(self, identity: UUID) -> None:
        try:
            await self._places.acquire()
        except BaseException:
            self._in_flight.pop(identity).set()
            raise

    def _leave(self, identity: UUID, _: asyncio.Task[None]) -> None:
        self._places.release()
        self._in_flight.pop(identity).set()

    async def _send(self, queue: str, message: Message, deadline: float, correlation: str | None) -> Exception | None:
        try:
            await self._channel.basic_publish(
                message.body,
                routing_key=address(self._prefix, queue),
                properties=wire.properties(message, reply_to=self._answer_to, correlation=correlation),
                mandatory=True,
                timeout=max(0.0, deadline - asyncio.get_running_loop().time()),
            )
        except PublishError:
            return no_such_queue(queue, message)
        except TimeoutError:
            return unconfirmed(message, "no confirmation came in time")
        except (ValueError, TypeError) as error:
            return Unroutable(f"Message {message.id} ({message.type}) cannot be encoded for AMQP: {error}.")
        except asyncio.CancelledError:
            if cancelled_from_outside():
                raise
            return unconfirmed(message, "the channel was closed")
        except Exception as error:  # noqa: BLE001 (a dying channel hands out whatever killed it)
            return unconfirmed(message, describe(error))
        return None


def unconfirmed(message: Message, why: str) -> BusUnavailable:
    """Say that nobody knows whether this message arrived."""
    return BusUnavailable(
        f"Message {message.id} ({message.type}) was not confirmed by RabbitMQ ({why}); it may have arrived all "
        f"the same. Send it again later: receivers take it once."
    )
