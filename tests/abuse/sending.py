"""A client that sends any bytes, and reads whatever comes until the other side closes."""

import asyncio
import contextlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from abuse.bad import Bad

WITHIN: Final = 10.0
_AT_ONCE: Final = 8
_QUIET: Final = 0.2
_STATUS: Final = re.compile(rb"^HTTP/1\.[01] (\d{3}) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reply:
    """All that came back, and after how long the connection ended (None: it did not)."""

    data: bytes
    seconds: float | None

    @property
    def statuses(self) -> list[int]:
        """The statuses of all answers."""
        return [int(found) for found in _STATUS.findall(self.data)]

    def flaw(self, bad: Bad) -> str | None:
        """Say in which way this is no refusal."""
        if self.seconds is None:
            return f"it hangs: {self.data[:200]!r}"
        if not self.data:
            return None if bad.raw else "closed without an answer"
        if not self.statuses or any(not 400 <= status < 500 for status in self.statuses):
            return f"{self.statuses}: {self.data[:300]!r}"
        as_parser = self.data.startswith(b"HTTP/1.0 400 ")  # it says so before there is a request
        return None if bad.raw or as_parser else self._unlike_a_problem()

    def _unlike_a_problem(self) -> str | None:
        head, _, body = self.data.partition(b"\r\n\r\n")
        try:
            document = orjson.loads(body)
        except ValueError:
            return f"no problem document: {self.data[:300]!r}"
        fits = b"application/problem+json" in head and document["status"] == self.statuses[0]
        return None if fits else f"another problem document: {self.data[:300]!r}"


async def exchange(port: int, bad: Bad, within: float = WITHIN) -> Reply:
    """Send a bad input on a connection of its own.

    A connection that is kept open after an answer has said all that it will when it is quiet for a while.
    """
    begun, data = time.monotonic(), bytearray()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sending = asyncio.create_task(_send(writer, bad))
    try:
        async with asyncio.timeout(within) as deadline:
            while part := await reader.read(65_536):
                data += part
                if bad.raw and sending.done():
                    deadline.reschedule(asyncio.get_running_loop().time() + _QUIET)
    except ConnectionError:
        pass  # it was closed before it had read everything
    except TimeoutError:
        return Reply(bytes(data), time.monotonic() - begun if bad.raw and data else None)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.transport.abort()
    return Reply(bytes(data), time.monotonic() - begun)


async def _send(writer: asyncio.StreamWriter, bad: Bad) -> None:
    with contextlib.suppress(ConnectionError):
        for part in bad.parts:
            writer.write(part)
            await writer.drain()
            if bad.pause:
                await asyncio.sleep(bad.pause)
        if bad.ends:
            writer.write_eof()


async def send_all(port: int, inputs: Sequence[Bad], at_once: int = _AT_ONCE) -> dict[str, str]:
    """Send them, some at once; return what was not refused, and what came instead."""
    waiting, flaws = list(reversed(inputs)), dict[str, str]()

    async def work() -> None:
        while waiting:
            bad = waiting.pop()
            if flaw := (await exchange(port, bad)).flaw(bad):
                flaws[f"{bad.kind}: {bad.name}"] = flaw

    await asyncio.gather(*(work() for _ in range(at_once)))
    return flaws
