"""The private RabbitMQ node that other tests break on purpose, and the virtual hosts that keep tests apart."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelNotFoundEntity

from support import broker
from support.broker import has_management
from support.rabbit_node import PrivateRabbit
from support.rabbitmq import drop_vhost, new_vhost

pytestmark = pytest.mark.rabbitmq
_SECONDS = 10
_BROKER_WRITES_QUEUES_DOWN_SECONDS = 7  # see PrivateRabbit.kill


async def test_a_message_published_to_the_broker_comes_back(vhost: str) -> None:
    async with _channel(vhost) as channel:
        queue = await channel.declare_queue("passing", durable=True, arguments={"x-queue-type": "quorum"})
        await _publish(channel, queue.name, b"the baton")
        message = await queue.get(timeout=_SECONDS)
        await queue.delete(if_unused=False, if_empty=False)
    assert message is not None
    assert message.body == b"the baton"


async def test_two_virtual_hosts_do_not_see_each_others_queues(amqp_url: str, vhost: str) -> None:
    if not has_management(amqp_url):
        pytest.skip("THIS BROKER HAS NO MANAGEMENT API, so tests take turns on its one virtual host")
    other = new_vhost(amqp_url)
    try:
        async with _channel(vhost) as channel:
            await channel.declare_queue("mine", durable=True)
        async with _channel(other) as channel:
            with pytest.raises(ChannelNotFoundEntity):
                await channel.get_queue("mine", ensure=True)
    finally:
        drop_vhost(other)


def test_without_a_management_api_tests_take_turns_and_sweep(amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test before left in the services' queues is gone; the virtual host is the given one."""
    monkeypatch.setattr(broker, "has_management", lambda _: False)

    async def leave(url: str) -> None:
        async with _channel(url) as channel:
            await channel.declare_queue("baton.orchestrator", durable=True)

    async def is_left(url: str) -> bool:
        async with _channel(url) as channel:
            try:
                await channel.get_queue("baton.orchestrator", ensure=True)
            except ChannelNotFoundEntity:
                return False
            return True

    asyncio.run(leave(amqp_url))
    with broker.own_vhost(amqp_url) as url:
        assert url == amqp_url
        assert not asyncio.run(is_left(url))
        asyncio.run(leave(url))
    assert not asyncio.run(is_left(amqp_url))


async def test_a_killed_node_keeps_what_was_confirmed_and_a_wiped_one_keeps_nothing(rabbit_node: PrivateRabbit) -> None:
    url = rabbit_node.start()
    async with _channel(url) as channel:
        await channel.declare_queue("durable", durable=True, arguments={"x-queue-type": "quorum"})
        await asyncio.sleep(_BROKER_WRITES_QUEUES_DOWN_SECONDS)
        await _publish(channel, "durable", b"kept")
    rabbit_node.kill()
    assert rabbit_node.start() == url
    async with _channel(url) as channel:
        queue = await channel.get_queue("durable", ensure=True)
        message = await queue.get(timeout=_SECONDS)
        assert message is not None
        assert message.body == b"kept"
    rabbit_node.wipe()
    rabbit_node.start()
    async with _channel(url) as channel:
        with pytest.raises(ChannelNotFoundEntity):
            await channel.get_queue("durable", ensure=True)


def test_a_stopped_node_leaves_no_process_behind(rabbit_node: PrivateRabbit, tmp_path: Path) -> None:
    rabbit_node.start()
    assert len(_processes_of(tmp_path)) >= 2  # the node and its epmd
    rabbit_node.stop()
    assert _processes_of(tmp_path) == []


@contextlib.asynccontextmanager
async def _channel(url: str) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(url, timeout=_SECONDS)
    async with connection:
        yield await connection.channel()


async def _publish(channel: AbstractChannel, queue: str, body: bytes) -> None:
    message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    await channel.default_exchange.publish(message, routing_key=queue, timeout=_SECONDS)


def _processes_of(directory: Path) -> list[int]:
    """Find the processes whose environment names `directory`: the node, its epmd, and whatever they started."""
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _names(entry, directory)]


def _names(entry: Path, directory: Path) -> bool:
    try:
        return f"HOME={directory}".encode() in (entry / "environ").read_bytes()
    except OSError:
        return False
