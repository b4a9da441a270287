"""What is expected while and after bad inputs are sent, and how they are sent and told of."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import aiohttp

from abuse.bad import Bad
from abuse.besieged import Besieged
from abuse.sending import send_all
from abuse.sockets import say_all
from abuse.watch import MIB
from support.services import User

_MEMORY: Final = 50 * MIB
_STALL: Final = 0.1
_TRIES: Final = 3
_FILES: Final = 4  # connections of PostgreSQL's pool come and go
_SHOWN: Final = 40
T = TypeVar("T")


@asynccontextmanager
async def unmoved(target: Besieged) -> AsyncIterator[None]:
    """Expect that the log, the memory and the open files are as they were, and that it serves without an error."""
    watched = target.watched
    head, written, begun = await watched.head(), watched.written(), time.monotonic()
    watched.forget()
    yield
    more = watched.memory()[1] - target.memory
    most_files = target.files + _FILES
    files, trouble = await watched.few_files(most_files), watched.trouble(written)
    print(f"    at most {more / MIB:+.1f} MB, {files} files, {time.monotonic() - begun:.1f} s")
    async with aiohttp.ClientSession(headers=dict(target.world.pass_key)) as session:
        user = User(f"http://127.0.0.1:{target.port}", session)
        assert (await user.ask("GET", f"/projects/{target.world.values['project_id']}"))["status"] == "active"
    assert await watched.head() == head
    assert trouble == []
    assert more < _MEMORY, f"{more / MIB:.0f} MB more"
    assert files <= most_files


async def fluently(target: Besieged, attempt: Callable[[], Awaitable[T]]) -> T:
    """Return what an attempt gives, expecting that the gateway answered others within 100 ms meanwhile.

    What else the machine does may look like a stall, so one that is tried again and does not come again was none.
    """
    stalls: list[float] = []
    while len(stalls) < _TRIES:
        async with target.watched.pinged(target.port, target.world.pass_key) as longest:
            result = await attempt()
        print(f"    longest answer {1000 * longest[0]:.0f} ms")
        if longest[0] <= _STALL:
            return result
        stalls += longest
    raise AssertionError(f"an answer took {min(stalls):.3f} s at least, {_TRIES} times")


async def besiege(target: Besieged, kind: str, inputs: Sequence[Bad]) -> dict[str, str]:
    """Send all inputs; return what was not refused."""

    async def attempt() -> dict[str, str]:
        return await (say_all(target.port, inputs, target.world) if kind == "said" else send_all(target.port, inputs))

    flaws = await fluently(target, attempt)
    print(f"    {kind}: {len(inputs)} inputs, {len(flaws)} not refused")
    return flaws


def told(flaws: dict[str, str]) -> str:
    """Return flaws for a person to read."""
    return f"{len(flaws)}:\n" + "\n".join(f"{name}\n    {flaw}" for name, flaw in list(flaws.items())[:_SHOWN])
