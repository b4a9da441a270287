"""Durable POST of a project in one-process mode with the runners stopped, beside a handler that inserts one row.

Acknowledged means 201. After each turn every id that was acknowledged is looked for in the log; in turns of their own
some are read as soon as they were acknowledged, by the client that made them.
"""

import statistics
from contextlib import AsyncExitStack
from typing import Final
from uuid import UUID

import asyncpg

from bench.bare_http import Inserting
from bench.clients import Clients, Load
from bench.databases import connection, database
from bench.houses import OneProcess
from bench.resident import Resident
from bench.rounds import Contender, interleave
from bench.scale import Scale
from bench.table import Row, compare, milliseconds, percentile

_CLIENTS: Final = 64
_LEAST: Final = 1000
_TAIL: Final = 0.150
_EVERY: Final = 10
_BODY: Final = b'{"product_idea": "A service that tells a family when each of their plants wants to be watered"}'
_LOGGED: Final = "SELECT count(*) FROM event_log WHERE event_type = 'project_created' AND project_id = ANY ($1)"


async def measure(server: str, scale: Scale) -> list[Row]:
    """Measure posts, posts that are read at once, and the floor."""
    loads: dict[str, list[Load]] = {"posts": [], "read": []}
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(database(server, "posting"))
        one = await stack.enter_async_context(connection(dsn))
        house, bare, clients = [
            await stack.enter_async_context(Resident(kind, *arguments))
            for kind, arguments in ((OneProcess, (dsn,)), (Inserting, ()), (Clients, ()))
        ]
        url, floor = await house.ask("serve"), await bare.ask("serve", dsn)
        seconds = scale.seconds(3, least=1)
        contenders = {
            "posts": _posting(one, clients, url, seconds, loads["posts"]),
            "floor": _flooring(clients, floor, seconds),
            "read": _posting(one, clients, url, seconds, loads["read"], read_every=_EVERY),
        }
        figures = await interleave(contenders, scale.of(10, least=3))
    return _rows(figures, loads["posts"][1:], loads["read"])


def _posting(
    log: asyncpg.Connection, clients: Resident, url: str, seconds: float, loads: list[Load], *, read_every: int = 0
) -> Contender:
    """Have them post for a while, and check that the log has it all; acknowledged projects a second."""

    async def turn() -> float:
        load: Load = await clients.ask("write", url, "/api/v1/projects", _BODY, _CLIENTS, seconds, read_every)
        assert set(load.statuses) == {201}, load.statuses
        ids = [UUID(one) for one in load.written]
        assert len(set(ids)) == len(ids)
        assert await log.fetchval(_LOGGED, ids) == len(ids), "the log does not have all that was acknowledged"
        loads.append(load)
        return load.rate

    return turn


def _flooring(clients: Resident, url: str, seconds: float) -> Contender:
    async def turn() -> float:
        load: Load = await clients.ask("write", url, "/", _BODY, _CLIENTS, seconds)
        assert set(load.statuses) == {201}, load.statuses
        return load.rate

    return turn


def _rows(figures: dict[str, list[float]], posts: list[Load], reads: list[Load]) -> list[Row]:
    what = f"POST project, {_CLIENTS} clients"
    row = compare(f"{what}, all in the log", figures["posts"], figures["floor"], unit="posts")
    middle = statistics.median(figures["posts"])
    tail = percentile([sample for load in posts for sample in load.samples], 99)
    found = sum(load.reads[200] for load in reads)
    asked = sum(load.reads.total() for load in reads)
    every = compare(f"... every {_EVERY}th read at once", figures["read"], figures["floor"], unit="posts")
    return [
        Row(row.measure, row.figure, row.floor, row.ratio, f"at least {_LEAST:,} posts/s", middle >= _LEAST),
        Row("... p99", milliseconds(tail), goal=f"under {milliseconds(_TAIL)}", met=tail < _TAIL),
        Row(
            every.measure,
            f"{every.figure}, {found:,} of {asked:,} found",
            every.floor,
            every.ratio,
            "all",
            found == asked,
        ),
    ]
