"""Clients that take their time: a head, a body and the next head have theirs, and others do not notice."""

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from baton_gateway import body, server, visitors
from support.keys import make_key
from support.stage import Stage, stage

HEADER_SECONDS = 1.5
HEAD = b"GET /api/v1/projects HTTP/1.1\r\nHost: localhost\r\n"
POST = (
    b"POST /api/v1/projects HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
)
MANY = 500


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path, alone=True, header_seconds=HEADER_SECONDS) as staged:
        yield staged


async def seconds_open(api: Stage, first: bytes, *, trickles: bool = False, limit: float = 10) -> float:
    """Connect and send something, then one byte now and then if it `trickles`; tell how long the gateway bore it."""
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(api.url).port)
    writer.write(first)
    more = asyncio.create_task(trickle(writer)) if trickles else None
    with contextlib.suppress(ConnectionError, TimeoutError):
        await asyncio.wait_for(reader.read(), limit)
    if more:
        more.cancel()
    writer.close()
    return time.monotonic() - begun


async def trickle(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.2)


async def answer_times(api: Stage, count: int) -> list[float]:
    """Ask for something of the database, again and again; tell how long each answer took."""
    times = []
    for _ in range(count):
        begun = time.monotonic()
        await api.get("/api/v1/projects")
        times.append(time.monotonic() - begun)
        await asyncio.sleep(HEADER_SECONDS / count)
    return times


async def test_500_clients_that_finish_no_head_are_closed_and_keep_nobody_waiting(api: Stage) -> None:
    slow = [
        *(seconds_open(api, b"") for _ in range(MANY // 4)),
        *(seconds_open(api, HEAD) for _ in range(MANY // 4)),
        *(seconds_open(api, HEAD, trickles=True) for _ in range(MANY // 4)),
        *(seconds_open(api, b"GET /", trickles=True) for _ in range(MANY // 4)),
    ]
    opening = [asyncio.create_task(one) for one in slow]
    times = sorted(await answer_times(api, 60))
    opened = sorted(await asyncio.gather(*opening))
    print(f"open for {opened[0]:.2f} to {opened[-1]:.2f} s; others answered in {times[30]:.3f} to {times[-1]:.3f} s")
    assert opened[0] >= HEADER_SECONDS
    assert opened[-1] <= HEADER_SECONDS + 2
    assert times[30] < 0.1


async def test_a_client_that_is_known_may_stay(api: Stage) -> None:
    opened = await seconds_open(api, HEAD + b"\r\n", limit=HEADER_SECONDS + 2)
    assert opened >= HEADER_SECONDS + 2


@pytest.mark.parametrize(
    "line",
    [b"GET /livez", b"GET /healthz", b"GET /api/v1/openapi.json", b"GET /nowhere", b"POST /livez", b"OPTIONS /livez"],
)
async def test_a_client_that_nobody_knows_is_let_go_with_its_answer(api: Stage, line: bytes) -> None:
    """Of what it sends behind, nothing is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(api.url).port)
    writer.write((line + b" HTTP/1.1\r\nHost: localhost\r\n\r\n") * 2)
    answer = await asyncio.wait_for(reader.read(), 1)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in answer
    writer.close()


async def test_a_client_is_let_go_when_it_does_not_say_who_it_is_any_more(database: str, tmp_path: Path) -> None:
    async with stage(database, tmp_path, alone=True, auth="on") as api:
        key = await make_key(api.host.pool, "viewer")
        known = HEAD + f"Authorization: Bearer {key}\r\n\r\n".encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(api.url).port)
        writer.write(known + known + HEAD + b"\r\n" + known)
        answers = await asyncio.wait_for(reader.read(), 3)
        assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200", b"200", b"401"]
        writer.close()


async def test_a_client_that_nobody_knows_and_that_does_not_read_is_cut_off(
    api: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "_ANSWER", 0.5)
    monkeypatch.setattr(visitors.Visitor, "connection_made", with_little_room(visitors.Visitor.connection_made))
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(0)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(slow, ("127.0.0.1", URL(api.url).port))
        await loop.sock_sendall(slow, b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asyncio.sleep(2)
        read = 0
        with contextlib.suppress(ConnectionError):
            while more := await asyncio.wait_for(loop.sock_recv(slow, 65_536), 3):
                read += len(more)
    assert 0 < read < len(await (await api.client.get("/api/v1/openapi.json")).read()) / 2


def with_little_room(made: Callable[[visitors.Visitor, asyncio.BaseTransport], None]) -> Any:  # noqa: ANN401 - a method
    """Let the kernel keep little of what a client does not read."""

    def connection_made(visitor: visitors.Visitor, transport: asyncio.BaseTransport) -> None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        made(visitor, transport)

    return connection_made


async def test_the_next_head_has_the_time_of_an_idle_connection(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it trickles: it does not count before it is there in full."""
    monkeypatch.setattr(server, "_KEEPALIVE", 1.0)
    async with stage(database, tmp_path, alone=True) as api:
        opened = await asyncio.gather(
            seconds_open(api, HEAD + b"\r\n"), seconds_open(api, HEAD + b"\r\n" + HEAD, trickles=True)
        )
        assert all(1 <= one < 3 for one in opened)


async def test_a_body_that_does_not_come_is_refused_in_time(api: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "_DEADLINE", 0.5)
    for first in (b"", b'{"product_idea": "'):
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(api.url).port)
        writer.write(POST + first)
        more = asyncio.create_task(trickle(writer))
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 3)
        assert answer == b"HTTP/1.1 408 Request Timeout\r\n"
        more.cancel()
        writer.close()


async def test_a_head_that_comes_in_time_is_answered_however_it_comes(api: Stage) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(api.url).port)
    for byte in HEAD + b"Connection: close\r\n\r\n":
        writer.write(bytes([byte]))
        await asyncio.sleep(0.005)
    assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()
