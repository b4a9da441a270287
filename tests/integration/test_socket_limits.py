"""What one principal may have of sockets, subscriptions and messages, and that nobody else notices who wants more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from baton_contracts import events as e
from support.door import answer_to, caught_up, client_of, handshake, principal
from support.floods import PING, count_frames, latencies, masked, pour, raw_socket, resident
from support.keys import bearing, make_key
from support.stage import Stage, stage
from support.waiting import until

SOCKETS, SUBSCRIPTIONS = 5, 8
RATE = 200
FLOOD = 100_000
PATIENCE = 0.1


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    limits: dict[str, Any] = {"max_sockets": SOCKETS, "max_subscriptions": SUBSCRIPTIONS}
    async with stage(database, tmp_path, alone=True, auth="on", **limits) as open_stage:
        yield open_stage


async def some_projects(api: Stage, count: int) -> list[UUID]:
    projects = [uuid4() for _ in range(count)]
    for project_id in projects:
        await api.tell(project_id, e.ProjectCreated(name="A", product_idea="An app", tenant="default"))
    return projects


async def refused(client: aiohttp.ClientSession) -> dict[str, Any]:
    """Try to open one socket too many; give the problem document."""
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    async with client.get("/ws", headers=upgrade | {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}) as response:
        assert response.status == 429
        assert int(response.headers["Retry-After"]) > 0
        found: dict[str, Any] = await response.json(content_type="application/problem+json")
        return found


async def test_a_principal_has_so_many_sockets_and_others_have_theirs(api: Stage) -> None:
    async with principal(api) as client, principal(api) as other, AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(client.ws_connect("/ws")) for _ in range(SOCKETS)]
        assert (await refused(client))["detail"].startswith(f"You have {SOCKETS} open sockets here")
        assert await handshake(other, "/ws") == 101
        await opened[0].close()
        await until(lambda: len(api.sockets._connections) < SOCKETS)
        assert await handshake(client, "/ws") == 101
    await until(lambda: not api.sockets.seats._shares)


async def test_the_counts_are_exact_however_sockets_end(api: Stage) -> None:
    key = await make_key(api.host.pool)
    async with client_of(api, key) as client:
        for turn in range(3 * SOCKETS):
            if turn % 3 == 0:
                assert await handshake(client, "/ws") == 101
            elif turn % 3 == 1:
                async with raw_socket(api.url, bearing(key)):
                    pass  # reset, without a word
            else:
                upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
                async with client.get("/ws", headers=upgrade) as response:
                    assert response.status == 400  # a handshake without its key
        await until(lambda: not api.sockets.seats._shares)
        async with AsyncExitStack() as stack:
            for _ in range(SOCKETS):
                socket = await stack.enter_async_context(client.ws_connect("/ws?since=99999"))
                assert (await socket.receive(timeout=10)).data == 4409  # closed from our side
        await until(lambda: not api.sockets.seats._shares)


async def test_a_principals_subscriptions_are_counted_over_all_its_sockets(api: Stage) -> None:
    projects = await some_projects(api, SUBSCRIPTIONS)
    async with principal(api) as client, client.ws_connect(f"/ws/{projects[0]}") as one:
        async with client.ws_connect(f"/ws/{projects[0]}") as two:
            for project_id in projects[1 : SUBSCRIPTIONS - 1]:
                assert (await answer_to(one, type="subscribe", project_id=str(project_id)))["type"] == "subscribed"
            for socket in (one, two):
                answer = await answer_to(socket, type="subscribe", project_id=str(projects[-1]))
                assert answer["type"] == "error"
                assert f"{SUBSCRIPTIONS} subscriptions" in answer["detail"]
            assert (await refused(client))["detail"].startswith(f"You have {SUBSCRIPTIONS} subscriptions here")
            assert (await answer_to(two, type="unsubscribe", project_id=str(projects[0])))["type"] == "unsubscribed"
            assert (await answer_to(two, type="subscribe", project_id=str(projects[-1])))["type"] == "subscribed"
        await until(lambda: len(api.sockets._connections) == 1)
        assert (await answer_to(one, type="subscribe", project_id=str(projects[-1])))["type"] == "subscribed"
    await until(lambda: not api.sockets.seats._shares)


@pytest.mark.parametrize(
    ("what", "frame", "rate"),
    [
        ("pings", masked(b'{"type":"ping"}'), RATE),
        ("pings without a limit", masked(b'{"type":"ping"}'), 0),
        ("subscribes", masked(b'{"type":"subscribe","project_id":"%b"}' % str(UUID(int=7)).encode()), 0),
        ("nothing", masked(b""), RATE),
        ("empty frames of ping", masked(b"", PING), 0),
        ("frames of ping", masked(b"x" * 125, PING), RATE),
    ],
)
async def test_a_flood_from_one_socket_stalls_nobody_and_is_kept_nowhere(
    database: str,
    tmp_path: Path,
    what: str,
    frame: bytes,
    rate: int,
    record_property: Callable[[str, object], None],
) -> None:
    async with stage(database, tmp_path, alone=True, auth="on", requests_per_second=rate) as api:
        key, count = await make_key(api.host.pool), [0]
        async with (
            principal(api) as neighbour,
            neighbour.ws_connect("/ws") as socket,
            raw_socket(api.url, bearing(key)) as (reader, writer),
        ):
            await caught_up(socket)
            before = resident()
            reading = asyncio.create_task(count_frames(reader, count))
            pouring = asyncio.create_task(pour(writer, frame, FLOOD))
            found = await latencies(socket, 2)
            assert sorted(found)[-2] < PATIENCE  # the flood is poured out by this same loop: once it may be late
            assert resident() - before < 30 << 20
            assert count[0] > 2 * RATE
            assert not rate or count[0] <= (2 + 3) * RATE  # two seconds' worth at once, and what time gave
            record_property(f"slowest ping beside a flood of {what}, ms", round(max(found) * 1000))
            pouring.cancel()
            reading.cancel()
        await until(lambda: not api.sockets._connections)


async def test_messages_beyond_the_rate_wait_with_the_client_and_are_all_answered(
    database: str, tmp_path: Path
) -> None:
    async with (
        stage(database, tmp_path, alone=True, auth="on", requests_per_second=50) as api,
        principal(api) as client,
        client.ws_connect("/ws") as socket,
    ):
        await caught_up(socket)
        begin = asyncio.get_running_loop().time()
        for _ in range(200):
            await socket.send_json({"type": "ping"})
        for _ in range(200):
            assert (await socket.receive_json(timeout=10))["type"] == "pong"
        assert 1.8 < asyncio.get_running_loop().time() - begin < 5  # 100 at once, and 50 a second
