"""A client that costs little: it writes requests that are ready, and reads answers by their Content-Length."""

import asyncio
import re
from collections.abc import Callable
from time import monotonic
from typing import Final, NamedTuple, cast
from urllib.parse import urlsplit

_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BODILESS: Final = frozenset({204, 304})


class Answer(NamedTuple):
    """What came back, and how long after the request was written."""

    status: int
    head: bytes
    body: bytes
    seconds: float


class Caller(asyncio.Protocol):
    """One keep-alive connection: `on_answer` gives the next request, or None when there is no more to say."""

    def __init__(self, on_answer: Callable[[Answer], bytes | None]) -> None:
        self._on_answer = on_answer
        self._received = bytearray()
        self._size = 0  # of the whole answer; 0 until its head is there
        self._body = 0
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes | None) -> None:
        """Write a request, or hang up."""
        assert self._transport
        if request is None:
            self._transport.close()
            return
        self._sent = monotonic()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Go on with the next request when the answer is whole."""
        self._received += data
        if not self._size and not self._measure():
            return
        if len(self._received) >= self._size:
            self._answer()

    def _measure(self) -> bool:
        """Read from the head, once it is there, how long the answer is."""
        end = self._received.find(_END)
        if end < 0:
            return False
        self._body = end + len(_END)
        length = _LENGTH.search(self._received, 0, end)
        self._size = self._body + (int(length[1]) if length and _status(self._received) not in _BODILESS else 0)
        return True

    def _answer(self) -> None:
        whole = bytes(self._received)
        answer = Answer(_status(whole), whole[: self._body], whole[self._body :], monotonic() - self._sent)
        self._received.clear()
        self._size = 0
        self.send(self._on_answer(answer))

    def connection_lost(self, error: Exception | None) -> None:
        """Be done; an answer that is cut off is an error."""
        if self.done.done():
            return
        if error or self._received:
            self.done.set_exception(error or ConnectionError("the server hung up in an answer"))
        else:
            self.done.set_result(None)


def _status(head: bytes | bytearray) -> int:
    return int(head[9:12])


def request(url: str, method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    """Return a request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", "Accept: application/json", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + _END + body


async def connect(url: str, on_answer: Callable[[Answer], bytes | None]) -> Caller:
    """Open one connection."""
    _, caller = await asyncio.get_running_loop().create_connection(lambda: Caller(on_answer), *address(url))
    return caller


def address(url: str) -> tuple[str, int]:
    """Return where a server listens."""
    where = urlsplit(url)
    return where.hostname or "127.0.0.1", where.port or 80
