"""A Baton of its own process, with a project at work in it, to be sent bad inputs."""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from abuse.bad import World
from abuse.watch import Watched
from support.commands import up_logged
from support.keys import bearing, make_key
from support.services import User

HEADER_SECONDS: Final = 2
MAX_SOCKETS: Final = 100
MAX_SUBSCRIPTIONS: Final = 150
_SETTINGS: Final = {
    "BATON_HEADER_SECONDS": str(HEADER_SECONDS),
    "BATON_MAX_SOCKETS": str(MAX_SOCKETS),
    "BATON_MAX_SUBSCRIPTIONS": str(MAX_SUBSCRIPTIONS),
    "BATON_REQUESTS_PER_SECOND": "0",  # each input is to be refused for what it is
}
_LISTS: Final = {"template_id": "templates", "workflow_id": "workflows", "team_id": "teams"}


@dataclass
class Besieged:
    """A running Baton, what is in it, and how it was when all was well."""

    port: int
    world: World
    watched: Watched
    memory: int = 0
    files: int = 0


@contextlib.contextmanager
def besieged(directory: Path, *, auth: str) -> Iterator[Besieged]:
    """Run `baton up`, and have two projects wait for a person."""
    try:
        with up_logged(directory, {**_SETTINGS, "BATON_AUTH": auth}) as baton:
            yield asyncio.run(_prepared(baton.url, Watched(baton.pid, baton.errors, baton.dsn), auth))
    finally:
        shutil.rmtree(directory / "data", ignore_errors=True)


async def _prepared(url: str, watched: Watched, auth: str) -> Besieged:
    headers = bearing(await make_key(watched.dsn, "admin", None)) if auth == "on" else {}
    async with aiohttp.ClientSession(headers=headers) as session:
        user = User(url, session)
        another, values = await asyncio.gather(_waiting(user), _waiting(user))
        values["another_id"] = another["project_id"]
        for name, kind in _LISTS.items():
            values[name] = (await user.ask("GET", f"/workflows/{kind}"))[kind][0]["id"]
    port = int(url.rpartition(":")[2])
    return Besieged(port, World(values, tuple(headers.items())), watched)


async def _waiting(user: User) -> dict[str, str]:
    """Create a project, and return its ids when it asks a person."""
    project_id, end = await user.create(), time.monotonic() + 30
    while not (asked := await user.ask("GET", f"/hitl/project/{project_id}/requests"))["requests"]:
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
    (request,) = asked["requests"]
    events = (await user.ask("GET", f"/projects/{project_id}/events"))["events"]
    execution = next(event["payload"]["execution_id"] for event in events if event["event_type"] == "workflow_started")
    ids = {"project_id": project_id, "task_id": request["task_id"], "request_id": request["request_id"]}
    return {**ids, "execution_id": execution, "agent_type": "analyst"}


def is_full() -> bool:
    """Tell whether everything is to be tried, not a part of it."""
    return bool(os.environ.get("BATON_SOAK"))
