"""The projector on a real log: in turns, and fenced."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from baton_contracts.events import ProjectCreated
from baton_eventlog.leader import LeadershipLost
from baton_gateway.freshness import Freshness
from baton_gateway.projection import project
from baton_runtime.bus import MemoryBus
from baton_runtime.host import Host, open_host
from baton_runtime.settings import Settings
from support.logs import command, message
from support.waiting import until

CHECKPOINT = "SELECT position FROM checkpoints WHERE name = 'projector'"


@pytest.fixture
async def host(database: str, tmp_path: Path) -> AsyncIterator[Host]:
    async with open_host(Settings(data_dir=tmp_path), database, MemoryBus()) as opened:
        yield opened


async def test_a_long_log_is_projected_in_turns_to_its_head(host: Host) -> None:
    created = ProjectCreated(name="A", product_idea="An app", tenant="default")
    await host.appender.append([command(uuid4(), created) for _ in range(40)])
    await host.appender.append([command(uuid4(), *[message()] * 50) for _ in range(42)])
    await host.appender.append([command(uuid4(), created)])
    freshness = Freshness(host.pool)
    running = asyncio.create_task(project(host, freshness))
    assert await freshness.wait(40 + 42 * 50 + 1, timeout=10)
    assert await host.pool.fetchval("SELECT count(*) FROM projects") == 41
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_leader_whose_checkpoint_was_moved_by_another_writes_nothing_more(host: Host) -> None:
    freshness = Freshness(host.pool)
    running = asyncio.create_task(project(host, freshness))
    await host.appender.append([command(uuid4())])
    assert await freshness.wait(1, timeout=10)
    await host.pool.execute("UPDATE checkpoints SET position = 7 WHERE name = 'projector'")
    created = ProjectCreated(name="A", product_idea="An app", tenant="default")
    await host.appender.append([command(uuid4(), created)])
    await until(running.done)
    assert isinstance(running.exception(), LeadershipLost)
    assert await host.pool.fetchval(CHECKPOINT) == 7
    assert await host.pool.fetchval("SELECT count(*) FROM projects") == 0
