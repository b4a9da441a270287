"""GET of a project, beside an aiohttp handler that returns as many bytes and knows nothing.

Read from PostgreSQL: many projects in turn, more than the gateway keeps, so that none of them is as it was read last
(what is kept goes by size, the least recently read first; a cycle longer than that never finds anything). Unchanged:
one project, again and again.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

from baton_gateway.project_cache import MAX_BYTES
from bench.bare_http import Constant
from bench.caller import Answer, request
from bench.clients import Clients, Load
from bench.databases import connection, database
from bench.houses import Gateway
from bench.large_projects import A_GROUP, ARTIFACTS, TASKS, fill
from bench.resident import Resident
from bench.rounds import Contender, interleave
from bench.scale import Scale
from bench.table import Goal, Row, compare

_CLIENTS: Final = 32
_GROUPS: Final = 15
_GOALS: Final[Mapping[str, Goal | None]] = {
    "changed": Goal(least=0.12),
    "unchanged": Goal(least=0.35),
    "not modified": None,
}
_WORDS: Final = {
    "changed": "read from PostgreSQL",
    "unchanged": "unchanged since it was read",
    "not modified": "with If-None-Match (304)",
}


async def measure(server: str, scale: Scale) -> list[Row]:
    """Measure the three ways of reading a project; not fewer projects at any scale."""
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(database(server, "reading"))
        one = await stack.enter_async_context(connection(dsn))
        projects = await fill(one, _GROUPS)
        gateway, constant, clients = [
            await stack.enter_async_context(resident)
            for resident in (Resident(Gateway, dsn), Resident(Constant), Resident(Clients))
        ]
        url = await gateway.ask("serve")
        await gateway.ask("show", deadline=180)
        await one.execute("VACUUM ANALYZE", timeout=600)
        shown: Answer = await clients.ask("ask", url, _path(projects[0]))
        assert shown.status == 200, shown
        assert len(shown.body) * A_GROUP * _GROUPS > 1.2 * MAX_BYTES, "the gateway would keep all of them"
        floor = await constant.ask("serve", shown.body)
        await _prepare(clients, url, floor, projects, shown)
        seconds = scale.seconds(3, least=1)
        urls = {"floor": floor, **dict.fromkeys(_GOALS, url)}
        contenders = {name: _reading(clients, name, where, seconds) for name, where in urls.items()}
        figures = await interleave(contenders, scale.of(10, least=3))
    what = f"GET project, {TASKS} tasks and {ARTIFACTS} artifacts, {len(shown.body) / 1000:.0f} KB"
    return [
        compare(f"{what}, {_WORDS[name]}", figures[name], figures["floor"], unit="requests", goal=goal)
        for name, goal in _GOALS.items()
    ]


def _path(project_id: str) -> str:
    return f"/api/v1/projects/{project_id}"


async def _prepare(clients: Resident, url: str, floor: str, projects: list[str], shown: Answer) -> None:
    """Tell the clients what to send."""
    first, tag = _path(projects[0]), _header(shown, "etag")
    await clients.ask("prepare", "floor", [request(floor, "GET", "/")])
    await clients.ask("prepare", "changed", [request(url, "GET", _path(one)) for one in projects[1:]])
    await clients.ask("prepare", "unchanged", [request(url, "GET", first)])
    await clients.ask("prepare", "not modified", [request(url, "GET", first, b"", f"If-None-Match: {tag}")])


def _header(answer: Answer, name: str) -> str:
    lines = (line.partition(": ") for line in answer.head.decode().split("\r\n"))
    return next((value for key, _, value in lines if key.lower() == name), "")


def _reading(clients: Resident, name: str, url: str, seconds: float) -> Contender:
    """Have them ask for a while; answers a second."""
    status = 304 if name == "not modified" else 200

    async def turn() -> float:
        load: Load = await clients.ask("read", name, url, _CLIENTS, seconds)
        assert set(load.statuses) == {status}, (name, load.statuses)
        return load.rate

    return turn
