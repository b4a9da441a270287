"""One suite for both buses: whoever passes it may stand behind the `Bus` protocol."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID, uuid4

import aio_pika
import pytest

from baton_runtime.bus import (
    DEAD,
    DELIVERY_LIMIT,
    MAX_BODY_BYTES,
    MAX_BROADCAST_BYTES,
    Bus,
    BusUnavailable,
    Delivery,
    MemoryBus,
    Message,
    RabbitBus,
    Unroutable,
    open_bus,
)
from support.waiting import until

Connect = Callable[[], Awaitable[Bus]]

QUIET = 0.3
"""Seconds in which nothing may come where nothing is expected."""


class Inbox(list[Delivery]):
    """A sink that can be waited for."""

    async def holds(self, count: int) -> "Inbox":
        """Wait until that many have come."""
        await until(lambda: len(self) >= count)
        return self

    def bodies(self) -> list[bytes]:
        return [delivery.message.body for delivery in self]


def message(body: bytes = b"{}", **headers: str | int) -> Message:
    return Message(uuid4(), "thing_happened", body, headers)


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def place(request: pytest.FixtureRequest) -> str | None:
    """The broker to use: None for memory, else the URL."""
    return None if request.param == "memory" else str(request.getfixturevalue("amqp_url"))


@pytest.fixture
async def connect(place: str | None) -> AsyncIterator[Connect]:
    """Make started buses that see the same queues; their queues are gone afterwards."""
    shared, prefix, opened = MemoryBus(), f"test-{uuid4().hex[:12]}", list[Bus]()

    async def connect() -> Bus:
        bus = shared if place is None else RabbitBus(place, name="conformance", prefix=prefix)
        opened.append(bus)
        await bus.start()
        return bus

    yield connect
    for bus in opened:
        await bus.close()
    if place is not None:
        async with await aio_pika.connect(place) as connection, connection.channel() as channel:
            for queue in ("work", "other", DEAD):
                await channel.queue_delete(f"{prefix}.{queue}")
            await channel.exchange_delete(f"{prefix}.dlx")
            await channel.exchange_delete(f"{prefix}.broadcast.news")


@pytest.fixture
async def bus(connect: Connect) -> Bus:
    """One started bus with the queue `work`."""
    bus = await connect()
    await bus.declare(["work"])
    return bus


async def publish(bus: Bus, count: int, queue: str = "work") -> list[Message]:
    sent = [message(str(number).encode()) for number in range(count)]
    assert await bus.publish([(queue, one) for one in sent]) == [None] * count
    return sent


async def test_messages_of_a_queue_come_in_the_order_sent(bus: Bus) -> None:
    await publish(bus, 200)
    inbox = Inbox()
    await bus.consume("work", inbox.append, prefetch=500)
    assert (await inbox.holds(200)).bodies() == [str(number).encode() for number in range(200)]


async def test_a_batch_of_two_thousand_arrives_whole(bus: Bus) -> None:
    inbox = Inbox()

    def take(delivery: Delivery) -> None:
        inbox.append(delivery)
        delivery.ack()

    await bus.consume("work", take, prefetch=100)
    sent = await publish(bus, 2000)
    await inbox.holds(2000)
    assert [delivery.message.id for delivery in inbox] == [one.id for one in sent]


async def test_id_type_headers_and_body_come_as_they_were_sent(bus: Bus) -> None:
    sent = Message(uuid4(), "task_start", '{"name":"Ünïcode ✓"}'.encode(), {"trace": "ä-1", "position": 2**40, "n": -7})
    empty = Message(uuid4(), "", b"")
    await bus.publish([("work", sent), ("work", empty)])
    inbox = Inbox()
    await bus.consume("work", inbox.append, prefetch=10)
    assert [delivery.message for delivery in await inbox.holds(2)] == [sent, empty]
    assert not inbox[0].redelivered


async def test_competing_consumers_share_and_nobody_gets_anothers(connect: Connect, bus: Bus) -> None:
    left, right, other = Inbox(), Inbox(), await connect()
    await bus.consume("work", left.append, prefetch=50)
    await other.consume("work", right.append, prefetch=50)
    sent = await publish(bus, 100)
    await left.holds(50)
    await right.holds(50)
    assert sorted(delivery.message.id for delivery in left + right) == sorted(one.id for one in sent)


async def test_no_more_than_prefetch_are_unsettled(bus: Bus) -> None:
    await publish(bus, 10)
    inbox = Inbox()
    await bus.consume("work", inbox.append, prefetch=3)
    await inbox.holds(3)
    await asyncio.sleep(QUIET)
    assert inbox.bodies() == [b"0", b"1", b"2"]
    inbox[1].ack()
    await inbox.holds(4)
    await asyncio.sleep(QUIET)
    assert inbox.bodies() == [b"0", b"1", b"2", b"3"]


async def test_what_is_acknowledged_is_forgotten_and_twice_does_no_harm(bus: Bus) -> None:
    await publish(bus, 5)
    inbox, later = Inbox(), Inbox()
    subscription = await bus.consume("work", inbox.append, prefetch=10)
    for delivery in await inbox.holds(5):
        delivery.ack()
        delivery.ack()
        delivery.reject("settled already")
    await subscription.cancel()
    await bus.consume("work", later.append, prefetch=10)
    await asyncio.sleep(QUIET)
    assert later == []


async def test_what_is_rejected_comes_again_and_then_goes_to_the_dead_letters(bus: Bus) -> None:
    seen, dead = Inbox(), Inbox()

    def refuse(delivery: Delivery) -> None:
        seen.append(delivery)
        delivery.reject("cannot be done")

    (sent,) = await publish(bus, 1)
    await bus.consume("work", refuse, prefetch=10)
    await bus.consume(DEAD, dead.append, prefetch=10)
    await dead.holds(1)
    assert dead[0].message == sent
    assert len(seen) == DELIVERY_LIMIT + 1
    assert [delivery.redelivered for delivery in seen] == [False] + [True] * DELIVERY_LIMIT


async def test_a_cancelled_subscription_gives_back_what_it_had_not_settled(bus: Bus) -> None:
    await publish(bus, 3)
    first, second = Inbox(), Inbox()
    subscription = await bus.consume("work", first.append, prefetch=10)
    (await first.holds(3))[1].ack()
    await subscription.cancel()
    await subscription.cancel()
    await bus.publish([("work", message(b"new"))])
    await bus.consume("work", second.append, prefetch=10)
    again = {delivery.message.body: delivery.redelivered for delivery in await second.holds(3)}
    assert again == {b"0": True, b"2": True, b"new": False}  # RabbitMQ gives back in its own time
    first[0].ack()  # too late: it is in other hands, and the bus must not mind
    await asyncio.sleep(QUIET)
    assert bus.healthy()


async def test_a_closed_bus_gives_back_what_it_had_not_settled(connect: Connect, bus: Bus) -> None:
    sent = await publish(bus, 3)
    first, second = Inbox(), Inbox()
    await bus.consume("work", first.append, prefetch=10)
    (await first.holds(3))[0].ack()
    await bus.close()
    await (await connect()).consume("work", second.append, prefetch=10)
    assert [delivery.message.id for delivery in await second.holds(2)] == [one.id for one in sent[1:]]
    await asyncio.sleep(QUIET)
    assert len(second) == 2


async def test_each_request_gets_its_own_answer(connect: Connect, bus: Bus) -> None:
    def echo(delivery: Delivery) -> None:
        delivery.reply(b"re:" + delivery.message.body)
        delivery.ack()

    await (await connect()).consume("work", echo, prefetch=50)
    asked = [message(str(number).encode()) for number in range(100)]
    replies = await asyncio.gather(*(bus.request("work", one, timeout=10) for one in asked))
    assert [reply.body for reply in replies] == [b"re:" + one.body for one in asked]


async def test_a_request_without_an_answer_times_out_and_a_late_one_is_ignored(bus: Bus) -> None:
    inbox = Inbox()
    await bus.consume("work", inbox.append, prefetch=10)
    with pytest.raises(TimeoutError):
        await bus.request("work", message(b"slow"), timeout=0.3)
    next_request = asyncio.create_task(bus.request("work", message(b"next"), timeout=5))
    await inbox.holds(2)
    inbox[0].reply(b"too late")
    inbox[1].reply(b"in time")
    assert (await next_request).body == b"in time"


async def test_a_reply_to_what_was_no_request_goes_nowhere(bus: Bus) -> None:
    await publish(bus, 1)
    inbox = Inbox()
    await bus.consume("work", inbox.append, prefetch=10)
    (await inbox.holds(1))[0].reply(b"anybody?")
    await asyncio.sleep(QUIET)
    assert bus.healthy()


async def test_a_request_to_no_queue_is_unroutable(bus: Bus) -> None:
    with pytest.raises(Unroutable, match="nowhere"):
        await bus.request("nowhere", message(), timeout=5)


async def test_a_message_to_no_queue_is_unroutable_and_its_neighbours_are_confirmed(bus: Bus) -> None:
    before, lost, after = message(b"before"), message(b"lost"), message(b"after")
    results = await bus.publish([("work", before), ("nowhere", lost), ("work", after)])
    assert [type(result) for result in results] == [type(None), Unroutable, type(None)]
    assert str(lost.id) in str(results[1])
    inbox = Inbox()
    await bus.consume("work", inbox.append, prefetch=10)
    assert (await inbox.holds(2)).bodies() == [b"before", b"after"]


@pytest.mark.parametrize("order", [("work", "nowhere"), ("nowhere", "work")])
async def test_one_event_for_two_queues_gets_the_right_verdict_for_each(bus: Bus, order: tuple[str, str]) -> None:
    sent = [message() for _ in range(50)]
    for one in sent:
        results = await bus.publish([(queue, one) for queue in order])
        verdicts = {queue: type(result) for queue, result in zip(order, results, strict=True)}
        assert verdicts == {"work": type(None), "nowhere": Unroutable}
    inbox = Inbox()
    await bus.consume("work", inbox.append, prefetch=100)
    assert [delivery.message.id for delivery in await inbox.holds(50)] == [one.id for one in sent]


async def test_what_is_too_large_is_refused_and_its_neighbours_are_confirmed(bus: Bus) -> None:
    large = message(bytes(MAX_BODY_BYTES + 1))
    results = await bus.publish([("work", large), ("work", message())])
    assert [type(result) for result in results] == [Unroutable, type(None)]
    assert "16,711,681 bytes" in str(results[0])
    assert bus.healthy()


async def test_declaring_again_changes_nothing(bus: Bus) -> None:
    await publish(bus, 1)
    await bus.declare(["work", "other"])
    await bus.declare(["work"])
    inbox = Inbox()
    await bus.consume("work", inbox.append, prefetch=10)
    assert (await inbox.holds(1)).bodies() == [b"0"]


async def test_consuming_declares_the_queue(bus: Bus) -> None:
    inbox = Inbox()
    await bus.consume("other", inbox.append, prefetch=10)
    await publish(bus, 1, "other")
    await inbox.holds(1)


async def test_a_closed_bus_says_that_it_is_unavailable(bus: Bus) -> None:
    assert bus.healthy()
    await bus.close()
    assert not bus.healthy()
    assert [type(result) for result in await bus.publish([("work", message())])] == [BusUnavailable]
    with pytest.raises(BusUnavailable):
        await bus.request("work", message(), timeout=1)
    with pytest.raises(BusUnavailable):
        await bus.consume("work", Inbox().append, prefetch=1)


async def test_closing_fails_the_requests_that_wait(bus: Bus) -> None:
    waiting = asyncio.create_task(bus.request("work", message(), timeout=30))
    await asyncio.sleep(QUIET)
    await bus.close()
    with pytest.raises(BusUnavailable):
        await asyncio.wait_for(waiting, 5)


async def test_a_sink_that_fails_keeps_its_message_and_does_not_stop_the_others(bus: Bus) -> None:
    inbox, again = Inbox(), Inbox()

    def take(delivery: Delivery) -> None:
        if delivery.message.body == b"1":
            raise ValueError(delivery.message.id)
        inbox.append(delivery)

    await publish(bus, 3)
    subscription = await bus.consume("work", take, prefetch=10)
    for delivery in await inbox.holds(2):
        delivery.ack()
    await subscription.cancel()
    await bus.consume("work", again.append, prefetch=10)
    assert (await again.holds(1)).bodies() == [b"1"]


async def test_the_sink_is_never_called_from_within_a_call_to_the_bus(bus: Bus) -> None:
    inside, seen = False, list[UUID]()

    def take(delivery: Delivery) -> None:
        nonlocal inside
        assert not inside
        inside = True
        seen.append(delivery.message.id)
        delivery.reject("again") if len(seen) < 5 else delivery.ack()
        inside = False

    await bus.consume("work", take, prefetch=10)
    (sent,) = await publish(bus, 1)
    await until(lambda: len(seen) >= 5)
    assert set(seen) == {sent.id}


async def heard(*inboxes: list[bytes], last: bytes) -> None:
    """Wait until each has heard this."""
    await until(lambda: all(inbox[-1:] == [last] for inbox in inboxes))


async def test_everybody_who_listens_hears_what_is_broadcast_from_then_on(connect: Connect, bus: Bus) -> None:
    first, second, late = list[bytes](), list[bytes](), list[bytes]()
    other = await connect()
    bus.broadcast("news", b"nobody listens yet")
    await asyncio.sleep(QUIET)
    await bus.listen("news", first.append)
    await other.listen("news", second.append)
    await bus.listen("other news", late.append)
    for number in range(100):
        bus.broadcast("news", str(number).encode())
    await heard(first, second, last=b"99")
    assert first == second == [str(number).encode() for number in range(100)]
    await bus.listen("news", late.append)
    other.broadcast("news", "späte Nachricht".encode())
    await heard(first, second, late, last="späte Nachricht".encode())
    assert late == ["späte Nachricht".encode()]


async def test_who_listens_no_more_hears_no_more(bus: Bus) -> None:
    gone, there = list[bytes](), list[bytes]()
    listener = await bus.listen("news", gone.append)
    await bus.listen("news", there.append)
    bus.broadcast("news", b"1")
    await heard(gone, there, last=b"1")
    await listener.cancel()
    await listener.cancel()
    bus.broadcast("news", b"2")
    await heard(there, last=b"2")
    assert gone == [b"1"]


async def test_a_listener_that_fails_hears_the_next_one_and_so_do_the_others(bus: Bus) -> None:
    failing, there = list[bytes](), list[bytes]()

    def fail(body: bytes) -> None:
        failing.append(body)
        raise ValueError(body)

    await bus.listen("news", fail)
    await bus.listen("news", there.append)
    for body in (b"1", b"2"):
        bus.broadcast("news", body)
    await heard(failing, there, last=b"2")
    assert failing == there == [b"1", b"2"]


async def test_what_is_broadcast_too_large_or_too_fast_is_lost_and_the_next_one_is_heard(bus: Bus) -> None:
    inbox = list[bytes]()
    await bus.listen("news", inbox.append)
    bus.broadcast("news", bytes(MAX_BROADCAST_BYTES + 1))
    for number in range(5_000):  # in one turn of the loop, so nothing leaves in between
        bus.broadcast("news", str(number).encode())
    await heard(inbox, last=b"999")
    await asyncio.sleep(QUIET)
    bus.broadcast("news", bytes(MAX_BROADCAST_BYTES))
    await heard(inbox, last=bytes(MAX_BROADCAST_BYTES))
    assert inbox[:-1] == [str(number).encode() for number in range(1_000)]


async def test_a_closed_bus_drops_what_is_broadcast_and_takes_no_listeners(bus: Bus) -> None:
    inbox = list[bytes]()
    await bus.listen("news", inbox.append)
    await bus.close()
    bus.broadcast("news", b"1")
    with pytest.raises(BusUnavailable):
        await bus.listen("news", inbox.append)
    await bus.start()
    await bus.listen("news", inbox.append)
    bus.broadcast("news", b"2")
    await heard(inbox, last=b"2")
    assert inbox == [b"2"]


async def test_in_memory_what_is_given_back_goes_to_the_front() -> None:
    bus, first, second = MemoryBus(), Inbox(), Inbox()
    await bus.start()
    subscription = await bus.consume("work", first.append, prefetch=2)
    await publish(bus, 3)
    await first.holds(2)
    await subscription.cancel()
    await bus.consume("work", second.append, prefetch=10)
    assert (await second.holds(3)).bodies() == [b"0", b"1", b"2"]
    await bus.close()


def test_without_a_url_the_bus_is_a_new_one_in_memory() -> None:
    first, second = open_bus(None, name="a"), open_bus(None, name="b")
    assert isinstance(first, MemoryBus)
    assert first is not second


@pytest.mark.parametrize("url", ["http://host/", "amqp://", "amqp://u:se#cret@host:notaport/", "secret"])
def test_a_url_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="amqp://user:password@host") as refused:
        open_bus(url, name="a")
    assert "secret" not in str(refused.value)
    assert "se#cret" not in str(refused.value)
