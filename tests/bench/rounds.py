"""A B A B: contenders take turns, so that what else happens on the machine strikes all of them alike."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import asyncpg

Contender = Callable[[], Awaitable[float]]


async def interleave(contenders: Mapping[str, Contender], rounds: int) -> dict[str, list[float]]:
    """Run each contender once to warm up, then all in turn; return the figures of the rounds by name."""
    for contender in contenders.values():
        await contender()
    figures: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            figures[name].append(await contender())
    return figures


async def call_all(connection: asyncpg.Connection, statement: str, calls: Sequence[Sequence[Any]]) -> float:
    """Make the calls of a statement one after the other; return the seconds that they took."""
    started = perf_counter()
    for arguments in calls:
        await connection.fetch(statement, *arguments)
    return perf_counter() - started
