"""`?min_position=N` on reads: the answer shows at least that position, or there is none."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from baton_contracts.events import ProjectCreated
from support.logs import command
from support.stage import Stage, stage

CREATED = ProjectCreated(name="A", product_idea="An app", tenant="default")
PATHS = (
    "/api/v1/projects/{id}",
    "/api/v1/projects/{id}/completion",
    "/api/v1/hitl/project/{id}/requests",
    "/api/v1/artifacts/{id}/summary",
    "/api/v1/agents/status",
    "/api/v1/agents/status/analyst",
)


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path, alone=True) as open_stage:
        yield open_stage


@pytest.mark.parametrize("path", PATHS)
async def test_a_read_waits_for_the_position_that_it_names(api: Stage, path: str) -> None:
    """It is asked before the event is even in the log, and answers with what the event tells."""
    project, next_position = uuid4(), await api.head() + 1
    reading = asyncio.create_task(api.get(f"{path.format(id=project)}?min_position={next_position}"))
    await asyncio.sleep(0.1)
    assert not reading.done()
    await api.host.appender.append([command(project, CREATED)])
    assert await reading


async def test_a_position_that_does_not_come_is_503_after_two_seconds(api: Stage) -> None:
    """The answer says when to ask again; an older state is not given."""
    project = uuid4()
    await api.tell(project, CREATED)
    await asyncio.gather(*(_comes_to_nothing(api, path.format(id=project)) for path in PATHS))


async def _comes_to_nothing(api: Stage, path: str) -> None:
    began = asyncio.get_running_loop().time()
    async with api.client.get(f"{path}?min_position={10**17}") as response:
        problem = await response.json(content_type=None)
        assert (response.status, response.headers["Retry-After"]) == (503, "2")
    assert 1.9 < asyncio.get_running_loop().time() - began < 10
    assert "without min_position" in problem["detail"]


@pytest.mark.parametrize("value", ["", "-1", "1.5", "x", "1" * 19, "\u0661"])
async def test_what_is_no_position_is_refused(api: Stage, value: str) -> None:
    async with api.client.get(f"/api/v1/agents/status?min_position={value}") as response:
        problem = await response.json(content_type=None)
    assert (response.status, problem["errors"][0]["pointer"]) == (422, "/query/min_position")


async def test_a_position_that_is_given_twice_is_refused(api: Stage) -> None:
    position = await api.tell(uuid4(), CREATED)
    async with api.client.get(f"/api/v1/agents/status?min_position=0&min_position={position}") as response:
        assert response.status == 422
        assert (await response.json())["errors"][0]["pointer"] == "/query/min_position"
