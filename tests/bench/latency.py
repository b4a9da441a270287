"""How long one append takes when the log is as busy as it can be, beside the commit of one bare row.

Full load: each appender has 100 callers, who append one event after the other, so its batches are always full.
"""

import asyncio
import gc
import statistics
from contextlib import AsyncExitStack
from time import perf_counter
from typing import Final

from bench.appends import bare
from bench.bare import make_floors
from bench.callers import append_one
from bench.crew import Crew, Start
from bench.databases import connection, database
from bench.feed import Feed
from bench.scale import Scale
from bench.table import Goal, Row, milliseconds, percentile, rate
from support.logs import open_log

_CALLERS: Final = 100
_WARM: Final = 0.5
_FASTEST: Final = 20_000
_GOALS: Final = {1: Goal(most=50), 5: Goal(most=250)}


def pound(start: Start, dsn: str, seed: str, seconds: float) -> list[float]:
    """Load the log from one process; return how long each append took, in seconds."""
    return asyncio.run(_pound(start, dsn, seed, seconds))


async def _pound(start: Start, dsn: str, seed: str, seconds: float) -> list[float]:
    samples: list[float] = []
    async with open_log(dsn) as log:
        commands = iter([command for batch in Feed(seed).batches(_prepared(seconds), _CALLERS) for command in batch])
        gc.freeze()  # else the collector's walks through what was prepared are measured too
        await append_one(log, next(commands))
        await asyncio.to_thread(start)
        warm = perf_counter() + _WARM
        end = warm + seconds

        async def call() -> None:
            while (now := perf_counter()) < end and (command := next(commands, None)):
                elapsed = await append_one(log, command)
                if now >= warm:
                    samples.append(elapsed)

        await asyncio.gather(*(call() for _ in range(_CALLERS)))
    return samples


def _prepared(seconds: float) -> int:
    """Return how many rounds of all callers are more than enough."""
    return int((_WARM + seconds) * _FASTEST / _CALLERS)


async def measure(server: str, scale: Scale) -> list[Row]:
    """Measure one appender, and five in five processes; the floor is measured between."""
    seconds = scale.seconds(5)
    samples: dict[int, list[float]] = {appenders: [] for appenders in _GOALS}
    floors: list[float] = []
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(database(server, "latency"))
        one = await stack.enter_async_context(connection(dsn))
        await make_floors(one)
        single = bare(one, Feed("floor"), 100, 1, floor="bare_one")
        await single()
        for number in range(scale.of(3)):
            for appenders, seen in samples.items():
                floors.append(1 / await single())
                calls = [(dsn, f"{number}:{appenders}:{n}", seconds) for n in range(appenders)]
                async with Crew(pound, calls) as crew:
                    await crew.start()
                    seen += [sample for answer in await crew.answers(seconds + 120) for sample in answer]
    floor = statistics.median(floors)
    return [_row(appenders, seen, floor, seconds * scale.of(3)) for appenders, seen in samples.items()]


def _row(appenders: int, seen: list[float], floor: float, seconds: float) -> Row:
    worst, goal = percentile(seen, 99), _GOALS[appenders]
    who = "one appender" if appenders == 1 else f"{appenders} appenders"
    measure = f"p99 of an append under full load, {who} ({rate(len(seen) / seconds)})"
    ratio = worst / floor
    return Row(measure, milliseconds(worst), f"{milliseconds(floor)} a commit", ratio, str(goal), goal.judge(ratio))
