"""What is watched while bad inputs come: the log, the memory, the open files and the event loop of the process.

The loop is watched from outside, by how soon it answers. asyncio's own debug mode was tried: it makes each of a
thousand new connections nine times as dear, so it stalls by itself. To find a culprit, run the test under
PYTHONASYNCIODEBUG=1 and read the process's log.
"""

import asyncio
import re
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg
import orjson

MIB: Final = 1 << 10  # /proc counts KiB
_SETTLED: Final = 10.0


@dataclass(frozen=True, slots=True)
class Watched:
    """A running Baton: its process, where it writes what, and its database."""

    pid: int
    errors: Path
    dsn: str = field(repr=False)  # it holds a password

    def memory(self) -> tuple[int, int]:
        """Return what it holds in memory, and the most that it ever held since it was told to `forget`, in KiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        held, most = (re.search(rf"{name}:\s+(\d+)", status) for name in ("VmRSS", "VmHWM"))
        assert held
        assert most
        return int(held[1]), int(most[1])

    def forget(self) -> None:
        """Begin anew to take note of the most memory."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def files(self) -> int:
        """Return how many files and connections it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    async def few_files(self, most: int) -> int:
        """Wait until it has closed what it had open; return what is open then."""
        end = time.monotonic() + _SETTLED
        while (found := self.files()) > most and time.monotonic() < end:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
        return found

    def written(self) -> int:
        """Return how much it has written to its log."""
        return self.errors.stat().st_size

    @asynccontextmanager
    async def pinged(self, port: int, headers: Iterable[tuple[str, str]]) -> AsyncIterator[list[float]]:
        """Have it asked something meanwhile; the list holds the seconds of the longest answer in the end."""
        pinger = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("pinger.py")),
            str(port),
            str(self.pid),
            "".join(f"{name}: {value}\r\n" for name, value in headers),
            stdin=PIPE,
            stdout=PIPE,
        )
        longest: list[float] = []
        assert pinger.stdout
        await pinger.stdout.readline()
        try:
            yield longest
        finally:
            output, _ = await pinger.communicate(b"")  # which ends its input
            longest.append(float(output or "inf"))

    def trouble(self, since: int) -> list[str]:
        """Return the lines since then that tell of an error or are no JSON: a traceback, or what a client forged."""
        lines = self.errors.read_bytes()[since:].splitlines()
        return [line[:500].decode(errors="replace") for line in lines if not _is_calm(line)]

    async def head(self) -> tuple[int, str]:
        """Return the position and the hash of the log's last event."""
        connection = await asyncpg.connect(self.dsn, timeout=10)
        try:
            row = await connection.fetchrow("SELECT position, hash::text AS hash FROM log_head")
        finally:
            await connection.close(timeout=10)
        assert row
        return row["position"], row["hash"]


def _is_calm(line: bytes) -> bool:
    try:
        return orjson.loads(line)["level"] not in {"error", "critical"}
    except (ValueError, KeyError, TypeError):
        return False
