"""A WebSocket client that costs little: it counts bytes, and looks into them only where it is told to.

All sockets that hear the same have received the same number of bytes, so one that looks is enough to know what the
others have. A frame from a server is not masked, and a text of Baton's is one frame.
"""

import asyncio
import base64
import secrets
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Final, cast
from urllib.parse import urlsplit

_END: Final = b"\r\n\r\n"
_PONG: Final = b"\x8a\x80\x00\x00\x00\x00"
_TAIL: Final = 256
_TEXT: Final = 0x81
_CLOSE: Final = 0x88
_SPACE: Final = memoryview(bytearray(1 << 20))  # all sockets of a process read into it, one after the other
Look = Callable[[bytes], None]


class Frames:
    """Takes a stream of bytes apart into the payloads of its text frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give the texts that are whole now. Raises `ConnectionError` where the server says goodbye."""
        data, at = self._rest + data, 0
        while (extent := _extent(data, at)) and extent[1] <= len(data):
            start, end = extent
            if data[at] == _CLOSE:
                raise ConnectionError(f"closed: {data[start:end]!r}")
            if data[at] == _TEXT:
                yield data[start:end]
            at = end
        self._rest = data[at:]


def _extent(data: bytes, at: int) -> tuple[int, int] | None:
    """Return where the payload of the frame at an offset starts and ends; None while its head is not whole."""
    if len(data) < at + 2:
        return None
    length, width = data[at + 1], {126: 2, 127: 8}.get(data[at + 1], 0)
    if width:
        if len(data) < at + 2 + width:
            return None
        length = int.from_bytes(data[at + 2 : at + 2 + width], "big")
    return at + 2 + width, at + 2 + width + length


def framed(text: bytes) -> bytes:
    """Return a text of 126 to 65,535 bytes as a server's frame."""
    return b"\x81\x7e" + len(text).to_bytes(2, "big") + text


class Listener(asyncio.BufferedProtocol):
    """One socket: `received` bytes since its handshake or `reset`, when the first and last came, and the `tail`."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.received = 0
        self.first_at = 0.0
        self.last_at = 0.0
        self.tail = b""
        self.lost: Exception | None = None
        self._head: bytes | None = b""
        self._look: Look | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def shake_hands(self, url: str, path: str) -> None:
        """Ask for a WebSocket."""
        assert self._transport
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self._transport.write(
            f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def get_buffer(self, _: int) -> memoryview:
        """Give the space that all share."""
        return _SPACE

    def buffer_updated(self, size: int) -> None:
        """Count, and no more unless more was asked for."""
        if self._head is not None:
            self._open(bytes(_SPACE[:size]))
            return
        now = monotonic()
        self.received += size
        self.last_at = now
        if not self.first_at:
            self.first_at = now
        if self._look:
            self._look(bytes(_SPACE[:size]))
        self.tail = (self.tail + bytes(_SPACE[max(0, size - _TAIL) : size]))[-_TAIL:]

    def _open(self, data: bytes) -> None:
        assert self._head is not None
        head, end, rest = (self._head + data).partition(_END)
        if not end:
            self._head = head
            return
        self._head = None
        if not head.startswith(b"HTTP/1.1 101"):
            self._fail(ConnectionError(head.decode() + rest.decode(errors="replace")))
            return
        self.opened.set_result(None)
        if rest:
            _SPACE[: len(rest)] = rest
            self.buffer_updated(len(rest))

    def look(self, look: Look | None) -> None:
        """Have a function see what comes from now on."""
        self._look = look

    def reset(self) -> None:
        """Begin to count anew."""
        self.received = 0
        self.first_at = self.last_at = 0.0

    def stay(self) -> None:
        """Show that somebody is there, so that the server need not ask."""
        assert self._transport
        self._transport.write(_PONG)

    def hang_up(self) -> None:
        """Cut the connection."""
        assert self._transport
        self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Keep the reason."""
        self._fail(error or ConnectionError("the server hung up"))

    def _fail(self, error: Exception) -> None:
        self.lost = error
        if not self.opened.done():
            self.opened.set_exception(error)
