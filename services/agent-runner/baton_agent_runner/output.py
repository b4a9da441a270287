"""What a subprocess wrote, kept within bounds: the first and the last part, so that a flood costs no memory."""

import asyncio
from typing import Final

MOST_OUTPUT: Final = 64 * 1024  # bytes that are kept: the first and the last half


class Kept:
    """Output with its middle cut out: a flood costs no memory."""

    def __init__(self) -> None:
        self._first = bytearray()
        self._last = bytearray()
        self._dropped = 0

    async def read(self, stream: asyncio.StreamReader | None) -> None:
        """Read a stream to its end."""
        half = MOST_OUTPUT // 2
        while stream and (chunk := await stream.read(64 * 1024)):
            room = half - len(self._first)
            self._first += chunk[:room]
            self._last += chunk[room:]
            if (over := len(self._last) - half) > 0:
                del self._last[:over]
                self._dropped += over

    def text(self) -> str:
        """Return what was kept as text that PostgreSQL can store, with the length of what was left out."""
        middle = f"\n[... {self._dropped} bytes left out ...]\n".encode() if self._dropped else b""
        text = bytes(self._first + middle + self._last).decode("utf-8", errors="replace")
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
