"""A client that sends as much as it can on a raw socket, and what that does to others."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import aiohttp

from support.door import answer_to

TEXT, PING, FIN = 0x1, 0x9, 0x80
_LONGER = 126
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_PAGE = os.sysconf("SC_PAGE_SIZE")


def masked(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return one frame of a client (RFC 6455, 5.2), of less than 126 bytes; a mask of zeros changes nothing."""
    return bytes((FIN | opcode, 0x80 | len(payload))) + bytes(4) + payload


@contextlib.asynccontextmanager
async def raw_socket(url: str, headers: dict[str, str]) -> AsyncIterator[Streams]:
    """Open a socket without a client that is in the way."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    sent = {
        "Host": parts.netloc,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    } | headers
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    writer.write(f"GET /ws HTTP/1.1\r\n{head}\r\n".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 101"), answer
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def pour(writer: asyncio.StreamWriter, frame: bytes, times: int) -> None:
    """Send a frame so many times, as fast as it is taken."""
    for _ in range(times // 500):
        writer.write(frame * 500)
        await writer.drain()


async def count_frames(reader: asyncio.StreamReader, count: list[int]) -> None:
    """Read frames, and count them in the list's one number."""
    while True:
        _, length = await reader.readexactly(2)
        if length == _LONGER:
            length = int.from_bytes(await reader.readexactly(2), "big")
        await reader.readexactly(length)
        count[0] += 1


async def latencies(socket: aiohttp.ClientWebSocketResponse, seconds: float) -> list[float]:
    """Give how long each ping took that one sends after the other for so many seconds."""
    found, end = [], perf_counter() + seconds
    while (begin := perf_counter()) < end:
        assert (await answer_to(socket, type="ping"))["type"] == "pong"
        found.append(perf_counter() - begin)
        await asyncio.sleep(0.01)
    return found


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
