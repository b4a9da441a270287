"""A long log in little time: one story told by SQL of as many projects as it takes.

The rows are what appends leave, but for their hashes: each is the hash of its position and they form no chain (a
chain costs time to fill, and nothing that is measured here reads it; an append goes on from the last one).
"""

from typing import Final

import asyncpg

from baton_contracts.ids import SYSTEM_ACTOR
from baton_eventlog.sql import load_queries
from bench.story import LEAN, TEMPLATE_BLOCK, story, texts

FILLING: Final = load_queries("bench", "filling.sql")
_PROJECTS: Final = 100  # in a group, told side by side
_GROUPS: Final = 20


async def fill(connection: asyncpg.Connection, events: int) -> int:
    """Fill an empty log with at least so many events, vacuum and checkpoint; return how many they are."""
    await connection.execute(FILLING["template"])
    steps = [
        (step, payload.event_type, SYSTEM_ACTOR, payload.model_dump_json())
        for step, payload in enumerate(story(TEMPLATE_BLOCK, texts(LEAN)), start=1)
    ]
    await connection.executemany(FILLING["step"], steps)
    groups = -(-events // (len(steps) * _PROJECTS))
    for group in range(0, groups, _GROUPS):
        below = min(group + _GROUPS, groups)
        await connection.execute(FILLING["fill"], group, below, TEMPLATE_BLOCK, timeout=600)
    await connection.execute(FILLING["settle"], timeout=600)
    await connection.execute(FILLING["close"])
    await connection.execute(FILLING["show"])
    await connection.execute("VACUUM ANALYZE", timeout=600)
    await connection.execute("CHECKPOINT", timeout=600)
    return groups * _PROJECTS * len(steps)
