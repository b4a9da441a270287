"""Clients that take their time: a head, a body and the next head have theirs, and others do not notice."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from yarl import URL

from baton_gateway import body, server
from support.stage import Stage, stage

HEADER_SECONDS = 1.5
HEAD = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
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


async def test_a_client_that_has_asked_once_may_stay(api: Stage) -> None:
    opened = await seconds_open(api, HEAD + b"\r\n", limit=HEADER_SECONDS + 2)
    assert opened >= HEADER_SECONDS + 2


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
