"""What probes ask: whether this gateway is to be sent requests, and how the parts are, without costing them much."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from baton_contracts.rest import HealthView
from baton_gateway.app import build_app
from baton_gateway.routes.health import Checkup
from baton_gateway.server import listening
from support.stage import Stage, stage
from support.waiting import until

WELL = HealthView(api_status="ok", db_status="ok", celery_status="ok", llm_status="ok", auth="on")


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path, alone=True, auth="on") as staged:
        yield staged


async def readiness(client: aiohttp.ClientSession) -> tuple[int, Any]:
    async with client.get("/readyz") as response:
        return response.status, (await response.json())["status"]


async def test_a_gateway_is_ready_once_it_knows_the_log(api: Stage) -> None:
    await until(lambda: api.sockets.epoch is not None)
    assert await readiness(api.client) == (200, "ready")
    api.sockets.epoch = None
    assert await readiness(api.client) == (503, "starting")


async def test_a_gateway_that_stops_is_not_ready(api: Stage) -> None:
    await until(lambda: api.sockets.epoch is not None)
    assert api.service.gateway
    app = build_app(api.service.gateway)
    async with listening(app, "127.0.0.1", 0, 10, 100) as serving, aiohttp.ClientSession(serving.url) as client:
        assert await readiness(client) == (200, "ready")
        await app.shutdown()
        assert await readiness(client) == (503, "stopping")


class Checks:
    """A check that counts how often it is made, and ends when it is told to."""

    def __init__(self) -> None:
        self.made = 0
        self.now = 0.0
        self.over = asyncio.Event()

    async def make(self) -> HealthView:
        self.made += 1
        await self.over.wait()
        return WELL

    def clock(self) -> float:
        return self.now


async def test_one_check_serves_all_who_ask_within_a_second() -> None:
    checks = Checks()
    checkup = Checkup(checks.make, checks.clock)
    asking = [asyncio.create_task(checkup.result()) for _ in range(50)]
    await asyncio.sleep(0)
    checks.over.set()
    assert await asyncio.gather(*asking) == [WELL] * 50
    checks.now = 0.9
    await checkup.result()
    assert checks.made == 1
    checks.now = 1.0
    await checkup.result()
    assert checks.made == 2


async def test_a_check_goes_on_when_the_first_who_asked_is_gone() -> None:
    checks = Checks()
    checkup = Checkup(checks.make, checks.clock)
    first, second = (asyncio.create_task(checkup.result()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    checks.now = 5.0  # it takes longer than an answer is good for: nobody begins another meanwhile
    third = asyncio.create_task(checkup.result())
    await asyncio.sleep(0)
    checks.over.set()
    assert (await second, await third) == (WELL, WELL)
    assert checks.made == 1
