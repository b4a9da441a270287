"""What RabbitMQ and the network do to a bus, and how it comes back: nothing confirmed is lost, nothing hangs."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelPreconditionFailed
from structlog.testing import capture_logs
from yarl import URL

from baton_runtime.bus import (
    DEAD,
    BusUnavailable,
    Delivery,
    Message,
    RabbitBus,
    Unroutable,
    rabbitmq_feed,
    rabbitmq_link,
)
from support.waiting import eventually, until
from support.wire import Wire

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid4().hex[:12]}"


@pytest.fixture
async def broker(amqp_url: str, prefix: str) -> AsyncIterator[AbstractChannel]:
    """A channel past the bus, to look and to meddle; what the test declared is deleted at the end."""
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        yield channel
        for queue in ("work", DEAD):
            await channel.queue_delete(f"{prefix}.{queue}")
        await channel.exchange_delete(f"{prefix}.dlx")
        await channel.exchange_delete(f"{prefix}.broadcast.news")


@pytest.fixture
async def wire(amqp_url: str, broker: AbstractChannel) -> AsyncIterator[Wire]:
    async with Wire(URL(amqp_url)) as wire:
        yield wire


@asynccontextmanager
async def running(bus: RabbitBus) -> AsyncIterator[RabbitBus]:
    await bus.start()
    try:
        await bus.declare(["work"])
        yield bus
    finally:
        await bus.close()


@pytest.fixture
async def bus(wire: Wire, prefix: str) -> AsyncIterator[RabbitBus]:
    async with running(RabbitBus(wire.url, name="recovery", prefix=prefix, confirm_timeout=2)) as bus:
        yield bus


def messages(count: int) -> list[Message]:
    return [Message(uuid4(), "thing_happened", str(number).encode()) for number in range(count)]


def to_work(sent: list[Message]) -> list[tuple[str, Message]]:
    return [("work", one) for one in sent]


async def publishes(bus: RabbitBus) -> bool:
    """Send one message; False while its queue is missing."""
    (result,) = await bus.publish(to_work(messages(1)))
    assert result is None or isinstance(result, Unroutable)
    return result is None


async def test_consumers_come_back_after_the_connection_was_cut(bus: RabbitBus, wire: Wire) -> None:
    """What was unsettled comes again; acknowledging the deliveries of the dead channel does nothing."""
    inbox, sent = list[Delivery](), messages(20)
    await bus.consume("work", inbox.append, prefetch=100)
    assert not any(await bus.publish(to_work(sent)))
    await until(lambda: len(inbox) == 20)
    assert await wire.cut() == 4
    for delivery in inbox:
        delivery.ack()
    await until(lambda: len(inbox) == 40)
    assert [delivery.redelivered for delivery in inbox[20:]] == [True] * 20
    for delivery in inbox[20:]:
        delivery.ack()
    assert bus.healthy()
    assert not any(await bus.publish(to_work(messages(1))))
    await until(lambda: len(inbox) == 41)


async def test_a_request_that_waits_fails_at_once_when_the_connection_is_cut(bus: RabbitBus, wire: Wire) -> None:
    waiting = asyncio.create_task(bus.request("work", messages(1)[0], timeout=60))
    await asyncio.sleep(0.3)
    await wire.cut()
    with pytest.raises(BusUnavailable):
        await asyncio.wait_for(waiting, 5)


async def test_whatever_was_confirmed_arrives_though_connections_are_cut_in_the_middle(
    bus: RabbitBus, wire: Wire
) -> None:
    arrived, confirmed, failed = set[UUID](), set[UUID](), set[UUID]()

    def take(delivery: Delivery) -> None:
        arrived.add(delivery.message.id)
        delivery.ack()

    async def send(count: int) -> bool:
        sent = messages(count)
        for one, result in zip(sent, await bus.publish(to_work(sent)), strict=True):
            (confirmed if result is None else failed).add(one.id)
        return not failed & {one.id for one in sent}

    await bus.consume("work", take, prefetch=200)
    for _ in range(5):
        await eventually(lambda: send(100))
        sending = asyncio.create_task(send(2000))
        await asyncio.sleep(0.02)
        await wire.cut()
        assert not await sending
    await until(lambda: confirmed <= arrived, seconds=30)


async def test_a_broker_that_says_nothing_is_not_waited_for(bus: RabbitBus, wire: Wire) -> None:
    wire.swallow = True
    async with asyncio.timeout(4):
        assert {type(result) for result in await bus.publish(to_work(messages(700)))} == {BusUnavailable}
    wire.swallow = False
    await wire.cut()
    await until(lambda: not bus.healthy())
    await until(bus.healthy)
    assert not any(await bus.publish(to_work(messages(700))))


async def test_a_deleted_queue_is_declared_and_consumed_again(
    bus: RabbitBus, broker: AbstractChannel, prefix: str
) -> None:
    inbox, link = list[Delivery](), bus._link
    await bus.consume("work", inbox.append, prefetch=10)
    assert not any(await bus.publish(to_work(messages(2))))
    await until(lambda: len(inbox) == 2)
    await broker.queue_delete(f"{prefix}.work")
    inbox[0].ack()  # it went with its queue
    await eventually(lambda: publishes(bus))
    await until(lambda: len(inbox) == 3)
    assert not inbox[2].redelivered
    assert bus._link is link


async def test_acks_out_of_order_lose_nothing_and_settle_nothing_twice(
    bus: RabbitBus, broker: AbstractChannel, prefix: str
) -> None:
    """400 deliveries are settled in random order, a few rejected first: all are gone and the channel stands."""
    dice, acked, rejected, link = random.Random(7), set[object](), set[object](), bus._link  # noqa: S311
    held = list[Delivery]()
    await bus.consume("work", held.append, prefetch=60)
    sent = messages(400)
    assert not any(await bus.publish(to_work(sent)))
    async with asyncio.timeout(30):
        while len(acked) < 400:
            await asyncio.sleep(0.002)
            dice.shuffle(held)
            for delivery in [held.pop() for _ in range(len(held) // 2 or len(held))]:
                if dice.random() < 0.1 and delivery.message.id not in rejected:
                    rejected.add(delivery.message.id)
                    delivery.reject("not yet")
                else:
                    assert delivery.message.id not in acked
                    acked.add(delivery.message.id)
                    delivery.ack()
    assert rejected
    assert bus._link is link
    await bus.close()
    left = await broker.declare_queue(f"{prefix}.work", passive=True)
    assert left.declaration_result.message_count == 0


async def test_what_no_bus_has_sent_goes_to_the_dead_letters(
    bus: RabbitBus, broker: AbstractChannel, prefix: str
) -> None:
    inbox = list[Delivery]()
    await bus.consume("work", inbox.append, prefetch=10)
    for foreign in (
        aio_pika.Message(b"?", message_id="-"),
        aio_pika.Message(b"?", message_id="no-uuid", headers={"x": [1]}),
    ):
        await broker.default_exchange.publish(foreign, f"{prefix}.work")

    async def both_are_dead() -> bool:
        dead = await broker.declare_queue(f"{prefix}.dead", passive=True)
        return dead.declaration_result.message_count == 2

    await eventually(both_are_dead)
    assert inbox == []
    assert not any(await bus.publish(to_work(messages(1))))
    await until(lambda: len(inbox) == 1)


@pytest.mark.parametrize(
    "strange",
    [
        Message(uuid4(), "t" * 256, b""),
        Message(uuid4(), "t", b"", {"n": 2**70}),
        Message(uuid4(), "t", b"", {"n": "\ud800"}),
    ],
    ids=["long type", "large number", "lone surrogate"],
)
async def test_what_amqp_cannot_carry_is_refused_alone(bus: RabbitBus, strange: Message) -> None:
    link, plain = bus._link, messages(2)
    results = await bus.publish([("work", plain[0]), ("work", strange), ("work", plain[1])])
    assert [type(result) for result in results] == [type(None), Unroutable, type(None)]
    assert not any(await bus.publish(to_work(messages(2))))
    assert bus._link is link


async def test_abandoned_publishes_leave_no_trace(bus: RabbitBus) -> None:
    """However early a caller gives up, the same message can be sent afterwards and all places are free."""
    sent = messages(30)
    for turns in range(20):
        given_up = asyncio.create_task(bus.publish(to_work(sent)))
        for _ in range(turns):
            await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
    assert not any(await bus.publish(to_work(sent)))
    assert bus._link is not None
    assert not bus._link.publisher._in_flight


async def test_a_queue_that_exists_otherwise_is_told_and_the_bus_lives_on(
    bus: RabbitBus, broker: AbstractChannel, prefix: str
) -> None:
    await broker.queue_delete(f"{prefix}.work")
    await broker.declare_queue(f"{prefix}.work", durable=True)
    with pytest.raises(BusUnavailable, match="other properties"):
        await bus.declare(["work"])
    with pytest.raises(BusUnavailable, match="other properties"):
        await bus.consume("work", list[Delivery]().append, prefetch=1)
    assert bus.healthy()


async def test_without_a_broker_start_says_so_in_time(unused_tcp_port: int) -> None:
    bus = RabbitBus(f"amqp://me:hush-hush@127.0.0.1:{unused_tcp_port}/", name="alone", connect_timeout=0.5)
    async with asyncio.timeout(5):
        with pytest.raises(BusUnavailable, match=f"127.0.0.1:{unused_tcp_port} could not be used within 0.5 s"):
            await bus.start()


async def test_a_wrong_password_is_told_but_not_shown(
    amqp_url: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    url = URL(amqp_url).with_password("hush-hush")
    with pytest.raises(BusUnavailable, match="ACCESS_REFUSED") as refused:
        await RabbitBus(str(url), name="wrong", connect_timeout=2).start()
    said = str(refused.value) + capsys.readouterr().out + caplog.text
    assert "bus_lost" in said
    assert "hush-hush" not in said


async def test_declaring_waits_for_a_link(bus: RabbitBus, wire: Wire) -> None:
    """A service that starts in the moment of a hiccup starts all the same."""
    await wire.cut()
    async with asyncio.timeout(15):
        await bus.declare(["work"])
    wire.swallow = True
    await wire.cut()
    declaring = asyncio.create_task(bus.declare(["work"]))
    await asyncio.sleep(0.5)
    assert not declaring.done()
    wire.swallow = False
    await wire.cut()
    async with asyncio.timeout(15):
        await declaring
    assert bus.healthy()


async def test_declaring_does_not_wait_for_ever(wire: Wire, prefix: str) -> None:
    async with running(RabbitBus(wire.url, name="recovery", prefix=prefix, link_timeout=0.5)) as bus:
        wire.swallow = True
        await wire.cut()
        async with asyncio.timeout(3):
            with pytest.raises(BusUnavailable):
                await bus.declare(["work"])
        wire.swallow = False


async def test_consuming_outlives_a_broker_that_hesitates(
    bus: RabbitBus, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One exchange that takes too long is tried again, and the link stands."""
    monkeypatch.setattr(rabbitmq_link, "STEP_TIMEOUT", 0.3)
    inbox, link = list[Delivery](), bus._link
    wire.flowing.clear()
    consuming = asyncio.create_task(bus.consume("work", inbox.append, prefetch=10))
    await asyncio.sleep(1)
    wire.flowing.set()
    async with asyncio.timeout(15):
        await consuming
    assert not any(await bus.publish(to_work(messages(1))))
    await until(lambda: len(inbox) == 1)
    assert bus._link is link


async def test_a_long_queue_of_replies_is_no_slow_peer(bus: RabbitBus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline is each reply's: ten thousand may take longer than one may."""
    assert bus._link
    monkeypatch.setattr(bus._link.answers, "_patience", 0.2)
    with capture_logs() as said:
        for number in range(10_000):
            bus._link.answers.send("nobody", None, str(number).encode())
        await until(lambda: bus._link is not None and bus._link.answers._sending is None, seconds=30)
    assert said == []


async def test_a_long_queue_of_acknowledgements_is_no_slow_peer(
    bus: RabbitBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second delivery is settled, so each takes a frame of its own."""
    monkeypatch.setattr(rabbitmq_feed, "WRITE_TIMEOUT", 0.05)
    inbox, link = list[Delivery](), bus._link
    await bus.consume("work", inbox.append, prefetch=5000)
    for _ in range(20):
        await eventually(lambda: publishes(bus))
        assert not any(await bus.publish(to_work(messages(249))))
    await until(lambda: len(inbox) == 5000, seconds=30)
    for delivery in inbox[1::2]:
        delivery.ack()
    await asyncio.sleep(2)
    assert bus._link is link
    assert bus.healthy()


async def hears_again(bus: RabbitBus, inbox: list[bytes]) -> None:
    """Broadcast until something new is heard."""
    before = len(inbox)

    async def heard() -> bool:
        bus.broadcast("news", b"again")
        return len(inbox) > before

    await eventually(heard)


async def test_a_listener_hears_again_after_the_connection_was_cut(bus: RabbitBus, wire: Wire) -> None:
    inbox = list[bytes]()
    await bus.listen("news", inbox.append)
    bus.broadcast("news", b"before")
    await until(lambda: inbox == [b"before"])
    await wire.cut()
    for _ in range(10):
        bus.broadcast("news", b"lost")  # the link may be found dead only now
    await until(bus.healthy)
    await hears_again(bus, inbox)
    assert b"lost" not in inbox


async def test_who_listens_while_there_is_no_link_hears_when_there_is(bus: RabbitBus, wire: Wire) -> None:
    inbox = list[bytes]()
    await wire.cut()
    await until(lambda: not bus.healthy())
    await bus.listen("news", inbox.append)
    await until(bus.healthy)
    await hears_again(bus, inbox)


async def test_what_a_listener_had_on_the_broker_goes_with_it(bus: RabbitBus, amqp_url: str, prefix: str) -> None:
    async def unused() -> bool:
        async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
            try:
                await channel.exchange_delete(f"{prefix}.broadcast.news", if_unused=True)
            except ChannelPreconditionFailed:
                return False
            return True

    link, listener = bus._link, await bus.listen("news", list[bytes]().append)
    assert not await unused()
    await listener.cancel()
    await eventually(unused)
    assert bus._link is link


async def test_a_topic_that_exists_otherwise_is_told_and_the_bus_lives_on(
    bus: RabbitBus, broker: AbstractChannel, prefix: str
) -> None:
    link = bus._link
    await broker.declare_exchange(f"{prefix}.broadcast.news", durable=True)
    with pytest.raises(BusUnavailable, match="other properties"):
        await bus.listen("news", list[bytes]().append)
    with capture_logs() as said:
        bus.broadcast("news", b"1")
        await until(lambda: bool(said))
    assert [line["event"] for line in said] == ["broadcasts_dropped"]
    assert not any(await bus.publish(to_work(messages(1))))
    assert bus._link is link
