"""More connections than the gateway may have files: whoever only sits there keeps nobody out, and fills no log."""

import asyncio
import contextlib
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from baton_cli.database import find_running
from baton_gateway import visitors
from baton_gateway.file_limit import connections_within
from support.commands import READY, neutral
from support.keys import bearing, make_key
from support.stage import stage

FILES = 256
LIMIT = FILES // 2
MORE = FILES + 100
BURST = 2_000
SECONDS = 1.0
PATH = "/api/v1/projects"
ASKS = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n"
LIVES = ASKS % (b"/livez", b"")
pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True, slots=True)
class Crowded:
    """A Baton of its own process that may open few files, its log, and the headers of somebody who is known there."""

    url: str
    pid: int
    errors: Path
    headers: dict[str, str]

    @property
    def known(self) -> bytes:
        """A request of somebody who is known."""
        return ASKS % (PATH.encode(), "".join(f"{name}: {value}\r\n" for name, value in self.headers.items()).encode())

    @property
    def files(self) -> int:
        """How many files and connections it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    async def serves(self) -> float:
        """Have a newcomer ask; return after how many seconds it was answered."""
        begun = time.monotonic()
        async with aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(10)) as newcomer:
            async with newcomer.get(PATH, headers=self.headers) as answer:
                assert answer.status == 200
                await answer.read()
        return time.monotonic() - begun


def few_files() -> None:
    """Let this process, which becomes a Baton, open few files."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


@contextlib.contextmanager
def running(directory: Path, auth: str) -> Iterator[subprocess.Popen[str]]:
    """Run `baton up` with few files."""
    with (directory / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "baton_cli", "up", "--port", "0", "--data-dir", str(directory / "data")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=few_files,  # noqa: PLW1509 - it calls nothing but the system
            env={**neutral(), "BATON_AUTH": auth, "BATON_HEADER_SECONDS": "2", "BATON_REQUESTS_PER_SECOND": "0"},
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        process.kill()
        process.communicate()


@pytest.fixture(params=["off", "on"])
async def crowded(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Crowded]:
    with running(tmp_path, request.param) as process:
        assert process.stdout
        found = READY.match(process.stdout.readline())
        assert found, (tmp_path / "errors").read_text()
        dsn = find_running(tmp_path / "data" / "postgres")
        assert dsn
        headers = bearing(await make_key(dsn, "admin", None)) if request.param == "on" else {}
        baton = Crowded(found[1], process.pid, tmp_path / "errors", headers)
        await baton.serves()
        yield baton


async def come(url: str, says: bytes) -> asyncio.StreamWriter | None:
    """Connect, say something if anything, wait for a first word of the answer then, and stay; None if turned away."""
    host, _, port = url.removeprefix("http://").partition(":")
    with contextlib.suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(says)
            if says:
                assert await reader.readexactly(12) == b"HTTP/1.1 200"
            return writer
    return None


@contextlib.asynccontextmanager
async def crowd(url: str, says: bytes, count: int, *, at_once: int) -> AsyncIterator[int]:
    """Have so many clients come and stay, on their side; give how many were let in."""
    under_way = asyncio.Semaphore(at_once)

    async def one() -> asyncio.StreamWriter | None:
        async with under_way:
            return await come(url, says)

    writers = [writer for writer in await asyncio.gather(*(one() for _ in range(count))) if writer]
    try:
        yield len(writers)
    finally:
        for writer in writers:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def unharmed(baton: Crowded) -> AsyncIterator[None]:
    """Expect that newcomers are served at once, that the log is short, and that all is as before in the end."""
    files = baton.files
    yield
    print(f"    {baton.files} files, {len(baton.errors.read_bytes().splitlines())} lines")
    end = time.monotonic() + 10
    while baton.files > files + 8 and time.monotonic() < end:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.05)
    assert baton.files <= files + 8  # connections of PostgreSQL's pool come and go
    assert await baton.serves() < SECONDS
    lines = baton.errors.read_text().splitlines()
    assert len(lines) < 100, lines[-5:]
    assert not [line for line in lines if "error" in line or "Traceback" in line]


@pytest.mark.parametrize("at_once", [10, MORE])
async def test_strangers_that_ask_and_stay_keep_nobody_out(crowded: Crowded, at_once: int) -> None:
    async with unharmed(crowded), crowd(crowded.url, LIVES, MORE, at_once=at_once) as came:
        seconds = [await crowded.serves() for _ in range(10)]
        print(f"    {came} came; newcomers were served in {min(seconds):.3f} to {max(seconds):.3f} s")
        assert max(seconds) < SECONDS
        assert came == MORE


async def test_known_ones_that_ask_and_stay_keep_nobody_out(crowded: Crowded) -> None:
    async with unharmed(crowded), crowd(crowded.url, crowded.known, MORE, at_once=10) as came:
        seconds = [await crowded.serves() for _ in range(10)]
        print(f"    {came} came; newcomers were served in {min(seconds):.3f} to {max(seconds):.3f} s")
        assert max(seconds) < SECONDS
        assert came == MORE
        assert "too_many_connections" in crowded.errors.read_text()


@pytest.mark.parametrize("says", [b"", LIVES[:-2]])
async def test_a_burst_of_strangers_that_do_not_finish_keeps_nobody_out(crowded: Crowded, says: bytes) -> None:
    """They come while newcomers are served, too."""
    async with unharmed(crowded):
        most = 0
        async with burst(crowded.url, says):
            seconds = []
            for _ in range(10):
                seconds.append(await crowded.serves())
                most = max(most, crowded.files)
        print(f"    newcomers were served in {min(seconds):.3f} to {max(seconds):.3f} s, with {most} files at most")
        assert max(seconds) < SECONDS
        assert most < FILES


@contextlib.asynccontextmanager
async def burst(url: str, says: bytes) -> AsyncIterator[None]:
    """Open many connections as fast as the system allows, without waiting for any."""
    host, _, port = url.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()

    async def one(client: socket.socket) -> None:
        with contextlib.suppress(ConnectionError):
            await loop.sock_connect(client, (host, int(port)))
            await loop.sock_sendall(client, says)

    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.socket()) for _ in range(BURST)]
        for client in clients:
            client.setblocking(False)
        coming = asyncio.gather(*(one(client) for client in clients))
        await asyncio.sleep(0)
        yield
        await asyncio.wait_for(coming, 20)
