"""A WebSocket at the level of its bytes: a client that may say what no client should."""

import asyncio
import base64
import contextlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import orjson

from abuse.bad import Headers, request

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
HANDSHAKE: Final = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", base64.b64encode(bytes(16)).decode()),
)
_WITHIN: Final = 10.0
_MASK: Final = b"\x01\x02\x03\x04"


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, length: bytes | None = None) -> bytes:
    """Return a masked frame; `length` is what it says of its payload instead of the truth (7 bits, then the rest)."""
    length = length or _length(len(payload))
    long_mask = (_MASK * (len(payload) // 4 + 1))[: len(payload)]
    masked = (int.from_bytes(payload) ^ int.from_bytes(long_mask)).to_bytes(len(payload))
    return bytes([fin << 7 | rsv << 4 | opcode, length[0] | 0x80]) + length[1:] + _MASK + masked


def _length(size: int) -> bytes:
    if size < 126:
        return bytes([size])
    return struct.pack(">BH", 126, size) if size < 65_536 else struct.pack(">BQ", 127, size)


def handshake(path: str, headers: Headers = (), method: str = "GET") -> bytes:
    """Return a request for a WebSocket."""
    return request(method, path, headers).replace(b"Connection: close\r\n", b"", 1)


@dataclass
class Socket:
    """An open socket, after its handshake was answered with `status`."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    status: int

    async def send(self, data: bytes) -> None:
        """Write bytes; to one that is gone, none."""
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def frame(self) -> tuple[int, bytes] | None:
        """Return the next frame, None when there are no more. Raises `TimeoutError`."""
        async with asyncio.timeout(_WITHIN):
            try:
                first, size = await self.reader.readexactly(2)
                if size >= 126:
                    size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
                return first & 15, await self.reader.readexactly(size)
            except (ConnectionError, asyncio.IncompleteReadError):
                return None

    async def answer(self) -> str | None:
        """Return the type of the next answer to what was said; None when the other side has gone."""
        while (found := await self.frame()) and found[0] != CLOSE:
            said = orjson.loads(found[1]) if found[0] == TEXT else {}
            if found[0] == PONG or said.get("type") in {"error", "pong", "subscribed", "unsubscribed"}:
                return str(said.get("type", "PONG"))
        return None


@contextlib.asynccontextmanager
async def opened(port: int, path: str = "/ws", headers: Headers = ()) -> AsyncIterator[Socket]:
    """Open a socket, and cut it off in the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(handshake(path, (*HANDSHAKE, *headers)))
        async with asyncio.timeout(_WITHIN):
            head = await reader.readuntil(b"\r\n\r\n")
        yield Socket(reader, writer, int(head.split()[1]))
    finally:
        writer.transport.abort()
