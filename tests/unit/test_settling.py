"""Work outside the batch loop: what cannot be done goes back to the bus, a fault a moment later."""

import asyncio
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from baton_runtime import settling
from baton_runtime.bus import Delivery, MemoryBus, Message
from baton_runtime.messages import MalformedMessage
from baton_runtime.settling import settle

QUEUE = "work"
LONG = 60.0


async def tries(failures: list[Exception]) -> list[bool]:
    """Work on one message that fails like this, then ends; return for each try whether it came back from the bus."""
    bus, done, redelivered = MemoryBus(), asyncio.Event(), list[bool]()

    async def work(delivery: Delivery) -> None:
        redelivered.append(delivery.redelivered)
        if failures:
            raise failures.pop()
        delivery.ack()
        done.set()

    await bus.start()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:

        def take(delivery: Delivery) -> None:
            tasks.create_task(settle(delivery, work))

        await bus.consume(QUEUE, take, prefetch=1)
        await bus.publish([(QUEUE, Message(uuid4(), "some_work", b"{}"))])
        await done.wait()
    await bus.close()
    return redelivered


async def test_what_fails_for_a_fault_comes_back_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_PAUSE", 0.01)
    with capture_logs() as said:
        assert await tries([OSError("away"), RuntimeError("bug")]) == [False, True, True]
    assert [line["event"] for line in said if line["log_level"] == "error"] == ["delivery_failed"] * 2


async def test_what_fails_for_a_fault_does_not_come_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_PAUSE", LONG)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await tries([OSError("away")])


async def test_what_is_malformed_goes_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_PAUSE", LONG)
    assert await tries([MalformedMessage("It does not fit")]) == [False, True]
