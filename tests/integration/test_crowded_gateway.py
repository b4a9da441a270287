"""More connections than the gateway may have files: whoever only sits there keeps nobody out, and fills no log."""

import asyncio
import contextlib
import resource
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from baton_gateway import visitors
from baton_gateway.file_limit import connections_within
from baton_gateway.service import GatewayService
from baton_runtime.bus import MemoryBus
from baton_runtime.host import open_host
from baton_runtime.settings import Settings
from support.commands import up_logged
from support.keys import bearing, make_key
from support.stage import CORE
from support.waiting import until

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
        patience = aiohttp.ClientTimeout(10)
        async with (
            aiohttp.ClientSession(self.url, headers=self.headers, timeout=patience) as newcomer,
            newcomer.get(PATH) as answer,
        ):
            assert answer.status == 200
            await answer.read()
        return time.monotonic() - begun


def few_files() -> None:
    """Let this process, which becomes a Baton, open few files."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


@pytest.fixture
async def crowded(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Crowded]:
    auth = getattr(request, "param", "on")
    limits = {"BATON_AUTH": auth, "BATON_HEADER_SECONDS": "2", "BATON_REQUESTS_PER_SECOND": "0"}
    with up_logged(tmp_path, limits, few_files) as up:
        headers = bearing(await make_key(up.dsn, "admin", None)) if auth == "on" else {}
        baton = Crowded(up.url, up.pid, up.errors, headers)
        await baton.serves()
        yield baton


async def come(url: str, says: bytes) -> asyncio.StreamWriter | None:
    """Connect, ask, wait for the first words of the answer, and stay; None if it was closed before."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(10):
            writer.write(says)
            assert await reader.readexactly(12) == b"HTTP/1.1 200"
    except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
        writer.transport.abort()
        return None
    return writer


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
    """Expect that all is as before when they are gone, that newcomers are served at once, and that the log is short."""
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
        assert came == MORE or at_once > LIMIT  # who takes long to say a word while others wait is closed unheard


@pytest.mark.parametrize("crowded", ["off", "on"], indirect=True)
async def test_known_ones_that_ask_and_stay_keep_nobody_out(crowded: Crowded) -> None:
    async with unharmed(crowded), crowd(crowded.url, crowded.known, MORE, at_once=10) as came:
        seconds = [await crowded.serves() for _ in range(10)]
        print(f"    {came} came; newcomers were served in {min(seconds):.3f} to {max(seconds):.3f} s")
        assert max(seconds) < SECONDS
        assert came == MORE
    await until(lambda: "too_many_connections" in crowded.errors.read_text())
    assert crowded.errors.read_text().count("too_many_connections") == 1


@pytest.mark.parametrize("says", [b"", LIVES[:-2]], ids=["nothing", "half a head"])
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
            client.settimeout(0)
        coming = asyncio.gather(*(one(client) for client in clients))
        await asyncio.sleep(0)
        yield
        await asyncio.wait_for(coming, 20)


async def test_a_gateway_that_cannot_look_after_its_connections_ends_with_the_error(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it is started again, and does not go on without."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(visitors.Visitors, "_tell", fail)
    service = GatewayService()
    settings = Settings(data_dir=tmp_path, port=0, core_path=CORE, auth="off")
    async with open_host(settings, database, MemoryBus()) as host:
        with pytest.raises(ExceptionGroup) as failed:
            await asyncio.wait_for(service.run(host), 10)
    assert failed.group_contains(ZeroDivisionError)


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "expected"),
    [
        (1024, 1 << 20, 10_000, (10_000, 10_256)),
        (1024, 4096, 10_000, (3840, 4096)),
        (256, 256, 10_000, (128, 256)),
        (1 << 20, 1 << 20, 10_000, (10_000, 1 << 20)),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 10_000, (10_000, resource.RLIM_INFINITY)),
        (1024, resource.RLIM_INFINITY, 10_000, (10_000, 10_256)),
        (16, 16, 16, (8, 16)),
    ],
)
def test_there_are_as_many_connections_as_files_allow(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, wanted: int, expected: tuple[int, int]
) -> None:
    limits = [soft, hard]
    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", lambda _, given: limits.__setitem__(slice(None), given))
    assert (connections_within(wanted), limits[0]) == expected
    assert limits[1] == hard


def test_a_limit_that_cannot_be_raised_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert connections_within(10_000) == 768
