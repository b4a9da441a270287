"""Filling the tables anew from a long log, beside copying the log; and whether memory stays flat meanwhile."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

import asyncpg

from baton_eventlog.rebuild import rebuild
from bench.bare import FLOORS
from bench.databases import connection, database
from bench.filling import fill
from bench.machine import private_mib
from bench.rounds import Contender, interleave
from bench.scale import Scale
from bench.table import Row, compare

_ENOUGH: Final = 150_000.0
_SHARE: Final = 0.3
_SAMPLED: Final = 0.05
_SLACK_MIB: Final = 16.0
_BACKENDS: Final = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@dataclass(slots=True)
class Memory:
    """What the largest backend of the database and this process hold for themselves, in MiB, sample by sample."""

    backend: list[float] = field(default_factory=list)
    python: list[float] = field(default_factory=list)

    def row(self) -> Row:
        """Return the peaks, and whether the second half of the time went above the first."""
        half = len(self.backend) // 2
        grown = [max(seen[half:]) - max(seen[:half], default=0.0) for seen in (self.backend, self.python)]
        peaks = f"backend {max(self.backend):.0f} MiB, Python {max(self.python):.0f} MiB"
        return Row("peak memory of a rebuild", peaks, goal="flat", met=max(grown) < _SLACK_MIB)


async def measure(server: str, scale: Scale) -> list[Row]:
    """Measure a rebuild of a million events."""
    memory = Memory()
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(database(server, "rebuild"))
        one = await stack.enter_async_context(connection(dsn))
        watcher = await stack.enter_async_context(connection(dsn))
        events = await fill(one, scale.of(1_000_000))
        contenders = {"rebuild": _rebuilding(dsn, watcher, events, memory), "copy": _copying(one, events)}
        figures = await interleave(contenders, scale.of(3))
    row = compare(f"rebuild of {events:,} events, beside copying the log", figures["rebuild"], figures["copy"])
    fast = sorted(figures["rebuild"])[len(figures["rebuild"]) // 2] >= _ENOUGH
    goal = f"at least {_ENOUGH:,.0f} events/s, or {_SHARE}"
    met = fast or (row.ratio or 0) >= _SHARE
    return [Row(row.measure, row.figure, row.floor, row.ratio, goal, met), memory.row()]


def _copying(to: asyncpg.Connection, events: int) -> Contender:
    async def turn() -> float:
        await to.execute("CHECKPOINT", timeout=600)
        started = perf_counter()
        await to.execute(FLOORS["copy"], timeout=600)
        elapsed = perf_counter() - started
        await to.execute(FLOORS["drop_copy"])
        return events / elapsed

    return turn


def _rebuilding(dsn: str, watcher: asyncpg.Connection, events: int, memory: Memory) -> Contender:
    """Rebuild all tables as `baton log rebuild` does, from nothing to the switch."""

    async def turn() -> float:
        await watcher.execute("CHECKPOINT", timeout=600)
        async with _sampled(watcher, memory):
            started = perf_counter()
            position = await rebuild(dsn, lambda _reached, _target: None)
            elapsed = perf_counter() - started
        assert position == events, position
        return events / elapsed

    return turn


@contextlib.asynccontextmanager
async def _sampled(watcher: asyncpg.Connection, memory: Memory) -> AsyncIterator[None]:
    async def sample() -> None:
        while True:
            backends = [row["pid"] for row in await watcher.fetch(_BACKENDS)]
            memory.backend.append(max(map(private_mib, backends), default=0.0))
            memory.python.append(private_mib(os.getpid()))
            await asyncio.sleep(_SAMPLED)

    sampling = asyncio.create_task(sample())
    try:
        yield
    finally:
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
