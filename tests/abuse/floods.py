"""Floods: of sockets, of subscriptions, of messages that nobody reads, and of connections that say nothing."""

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from uuid import uuid4

from abuse.bad import World
from abuse.frames import TEXT, Socket, frame, opened

_AT_ONCE = 500
_PATIENCE = 3.0
_UNDER_WAY = (
    250  # connections that begin together: a thousand take the loop 100 ms to accept, before it answers anybody
)


async def sockets(port: int, world: World, count: int) -> Counter[int]:
    """Open so many sockets at once and keep them; return how often which status was answered."""
    under_way = asyncio.Semaphore(_UNDER_WAY)

    async def one(stack: AsyncExitStack) -> int:
        async with under_way:
            return (await stack.enter_async_context(opened(port, headers=world.pass_key))).status

    async with AsyncExitStack() as stack:
        return Counter(await asyncio.gather(*(one(stack) for _ in range(count))))


async def second_subscriptions(port: int, world: World, count: int) -> Counter[str]:
    """Open so many sockets of one project and subscribe each to another, too; return the answers."""
    message = frame(TEXT, json.dumps({"type": "subscribe", "project_id": world.values["another_id"]}).encode())
    answers: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        for _ in range(count):
            path = f"/ws/{world.values['project_id']}"
            socket = await stack.enter_async_context(opened(port, path, world.pass_key))
            answers[str(socket.status)] += 1
            if socket.status == 101:
                await socket.send(message)
                answers[str(await socket.answer())] += 1
    return answers


async def subscriptions(port: int, world: World, count: int) -> Counter[str | None]:
    """Ask on ten sockets of all projects for subscriptions that there cannot be; return the answers."""

    async def on_one() -> list[str | None]:
        async with opened(port, headers=world.pass_key) as socket:
            return await _said(socket, [frame(TEXT, json.dumps(message).encode()) for message in _wishes(count // 10)])

    return Counter(answer for answers in await asyncio.gather(*(on_one() for _ in range(10))) for answer in answers)


def _wishes(count: int) -> Iterator[dict[str, object]]:
    for _ in range(count // 4):
        yield {"type": "subscribe", "project_id": str(uuid4())}
        yield {"type": "subscribe"}
        yield {"type": "unsubscribe", "project_id": str(uuid4())}
        yield {"type": "subscribe", "project_id": str(uuid4()), "since": 0}


async def _said(socket: Socket, messages: list[bytes]) -> list[str | None]:
    """Say all of these without waiting; return the answers to each, as long as there are any."""
    sending = asyncio.create_task(socket.send(b"".join(messages)))
    answers = []
    for _ in messages:
        answers.append(await socket.answer())
        if answers[-1] is None:
            break
    await sending
    return answers


async def unread(port: int, world: World, count: int, opcode: int) -> None:
    """Send so many pings, of the protocol or our own, read no answer, and stay for a second."""
    ping = frame(opcode, b'{"type":"ping"}')
    async with opened(port, headers=world.pass_key) as socket:
        with contextlib.suppress(TimeoutError):  # it is not read any more, as nothing of what it answers is
            async with asyncio.timeout(_PATIENCE):
                for _ in range(count // _AT_ONCE):
                    await socket.send(ping * _AT_ONCE)
        await asyncio.sleep(1)


async def silence(port: int, count: int) -> list[float]:
    """Open so many connections and say nothing; return after how many seconds each was closed."""
    under_way = asyncio.Semaphore(_UNDER_WAY)

    async def one() -> float:
        async with under_way:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begun = time.monotonic()
        try:
            async with asyncio.timeout(20):
                await reader.read()
        finally:
            writer.transport.abort()
        return time.monotonic() - begun

    return await asyncio.gather(*(one() for _ in range(count)))
