"""Whether the projector keeps up: the real one, while another process appends at a steady rate.

The lag is the age of the oldest event that the tables do not show yet. Events are dated when their append starts,
so it counts the append too.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from time import perf_counter
from typing import Final

import asyncpg

from baton_eventlog.append import arguments
from baton_eventlog.signal import LogSignal
from baton_eventlog.sql import QUERIES
from baton_gateway.freshness import Freshness
from baton_gateway.projection import project
from baton_runtime.bus import MemoryBus
from baton_runtime.host import open_host
from baton_runtime.settings import Settings
from bench.crew import Crew, Start
from bench.databases import connection, database
from bench.feed import Feed
from bench.scale import Scale
from bench.table import Row, milliseconds, percentile, rate

_RATE: Final = 10_000
_BATCH: Final = 100
_PROMISED: Final = 0.25
_SAMPLED: Final = 0.01
_LAG: Final = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - (SELECT l."timestamp" FROM event_log l
                                                         WHERE l.position = c.position + 1)), 0)::float8
  FROM checkpoints c WHERE c.name = 'projector'
"""


def append_steadily(start: Start, dsn: str, seconds: float) -> float:
    """Append batches of 100 at 10 thousand events a second; return the rate that it came to."""
    return asyncio.run(_append_steadily(start, dsn, seconds))


async def _append_steadily(start: Start, dsn: str, seconds: float) -> float:
    batches = int(seconds * _RATE / _BATCH)
    calls = [arguments(batch) for batch in Feed("steady", streams=1000, midway=False).batches(batches, _BATCH)]
    signal = LogSignal(dsn)
    notifying = asyncio.create_task(signal.run())
    async with connection(dsn) as opened:
        await asyncio.to_thread(start)
        began = perf_counter()
        for number, call in enumerate(calls):
            await asyncio.sleep(max(0.0, began + number * _BATCH / _RATE - perf_counter()))
            await opened.fetch(QUERIES["append"], *call)
            signal.fire()
        elapsed = perf_counter() - began
    notifying.cancel()
    await asyncio.gather(notifying, return_exceptions=True)
    return batches * _BATCH / elapsed


async def measure(server: str, scale: Scale) -> list[Row]:
    """Measure the lag at 10 thousand events a second."""
    seconds = scale.seconds(20, least=2)
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(database(server, "lag"))
        await stack.enter_async_context(_projector(dsn))
        watcher = await stack.enter_async_context(connection(dsn))
        crew = await stack.enter_async_context(Crew(append_steadily, [(dsn, seconds)]))
        await crew.start()
        answers = asyncio.create_task(crew.answers(seconds * 10 + 60))
        lags = await _sample(watcher, answers)
        (reached,) = await answers
    worst, kept = max(lags), reached > 0.95 * _RATE
    measure = f"projector's lag at {rate(reached)}, the worst (p50 {milliseconds(percentile(lags, 50))})"
    promised = f"under {_PROMISED * 1000:.0f} ms at {rate(_RATE)}"
    return [Row(measure, milliseconds(worst), goal=promised, met=worst < _PROMISED and kept)]


@contextlib.asynccontextmanager
async def _projector(dsn: str) -> AsyncIterator[None]:
    """Run the gateway's projector on a host of its own."""
    async with open_host(Settings(), dsn, MemoryBus()) as host:
        projecting = asyncio.create_task(project(host, Freshness(host.pool)))
        try:
            yield
            if projecting.done():
                projecting.result()
        finally:
            projecting.cancel()
            await asyncio.gather(projecting, return_exceptions=True)


async def _sample(watcher: asyncpg.Connection, until: asyncio.Task[list[float]]) -> list[float]:
    """Return the lag, in seconds, every 10 ms."""
    lags = [0.0]
    while not until.done():
        lags.append(await watcher.fetchval(_LAG))
        await asyncio.sleep(_SAMPLED)
    return lags
