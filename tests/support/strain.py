"""How hard something was on this process: the longest that its event loop was busy, and how much memory it took."""

import asyncio
import contextlib
import gc
import resource
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

_TICK = 0.002


@dataclass(slots=True)
class Strain:
    """What was seen until now: `stall` in seconds of processor time between two ticks of the loop, `grown` in bytes.

    Processor time of all threads, not the clock: others on the machine are no stall of ours, and a thread that keeps
    the interpreter to itself is one.
    """

    stall: float = 0.0
    grown: int = 0


@contextlib.asynccontextmanager
async def strained() -> AsyncIterator[Strain]:
    """Watch the loop and the memory for as long as the context lasts."""
    strain = Strain()
    gc.collect()
    watching = asyncio.create_task(_watch(strain, _resident()))
    try:
        yield strain
    finally:
        await asyncio.sleep(2 * _TICK)
        watching.cancel()


async def _watch(strain: Strain, before: int) -> None:
    last = time.process_time()
    while True:
        await asyncio.sleep(_TICK)
        now = time.process_time()
        strain.stall = max(strain.stall, now - last)
        strain.grown = max(strain.grown, _resident() - before)
        last = now


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()
