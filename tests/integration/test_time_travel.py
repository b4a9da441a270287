"""`?as_of=`: what was shown then is what is recalled now, position by position."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import BaseModel

from baton_contracts import rest
from support.logs import message
from support.stage import Stage, stage
from support.stories import PROJECT
from support.tales import long_story, whole_story

BASE = f"/api/v1/projects/{PROJECT}"
VIEWS: dict[str, type[BaseModel]] = {
    BASE: rest.ProjectView,
    f"{BASE}/tasks": rest.TaskList,
    f"{BASE}/completion": rest.CompletionView,
    f"/api/v1/hitl/project/{PROJECT}/requests": rest.HitlList,
    "/api/v1/agents/status": rest.AgentList,
}


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path, alone=True) as open_stage:
        yield open_stage


async def look(api: Stage, query: str = "") -> dict[str, BaseModel]:
    """Read every view that can be read in the past."""
    return {path: model.model_validate(await api.get(path + query)) for path, model in VIEWS.items()}


async def test_every_moment_of_a_story_is_recalled_as_it_was_shown(api: Stage) -> None:
    """The fold and the tables agree after each event, by position and by time."""
    story = long_story()
    seen: dict[int, dict[str, BaseModel]] = {}
    moments: dict[int, datetime] = {}
    for payload in story:
        position = await api.tell(PROJECT, payload)
        seen[position] = await look(api)
        moments[position] = await api.host.pool.fetchval(
            "SELECT timestamp FROM event_log WHERE position = $1", position
        )
    assert len(seen) == len(story)
    for position, shown in seen.items():
        assert await look(api, f"?as_of={position}") == shown
        assert await look(api, f"?as_of={moments[position].isoformat()}") == shown


async def test_before_it_began_there_was_no_project(api: Stage) -> None:
    position = await api.tell(PROJECT, *whole_story())
    for query in ("?as_of=0", "?as_of=2001-01-01T00:00:00Z", "?as_of=0001-01-01T00:00:00%2B14:00"):
        async with api.client.get(BASE + query) as response:
            assert response.status == 404
    for query in (f"?as_of={position + 1000}", "?as_of=9999-12-31T23:59:59-14:00"):
        assert (await api.get(f"{BASE}{query}"))["status"] == "completed"


@pytest.mark.parametrize("wrong", ["yesterday", "-1", "1e3", "99999999999999999999", "2026-13-01T00:00:00Z", ""])
async def test_what_is_no_moment_is_refused(api: Stage, wrong: str) -> None:
    await api.tell(PROJECT, *whole_story())
    for path in VIEWS:
        async with api.client.get(path, params={"as_of": wrong}) as response:
            assert response.status == 422
            assert (await response.json())["errors"][0]["pointer"] == "/query/as_of"


async def test_events_are_paged_in_order_and_by_type(api: Stage) -> None:
    """`next` leads on to the end, each event once; other projects' events are not among them."""
    await api.tell(uuid4(), message())
    last = await api.tell(PROJECT, *whole_story())
    pages, after = [], 0
    while True:
        page = rest.EventPage.model_validate(await api.get(f"{BASE}/events?after={after}&limit=7"))
        pages.append(page)
        if page.next is None:
            break
        after = page.next
    events = [event for page in pages for event in page.events]
    assert [event.version for event in events] == list(range(1, len(whole_story()) + 1))
    assert events[-1].position == last
    assert [len(page.events) for page in pages[:-1]] == [7] * (len(pages) - 1)
    some = rest.EventPage.model_validate(await api.get(f"{BASE}/events?types=task_start,hitl_request"))
    assert {event.event_type for event in some.events} == {"task_start", "hitl_request"}


@pytest.mark.parametrize(
    ("query", "status"),
    [("types=nothing", 422), ("after=x", 422), ("limit=0", 422), ("limit=1001", 422), ("limit=-1", 422)],
)
async def test_a_page_that_cannot_be_is_refused(api: Stage, query: str, status: int) -> None:
    await api.tell(PROJECT, *whole_story())
    async with api.client.get(f"{BASE}/events?{query}") as response:
        assert response.status == status


async def test_events_of_an_unknown_project_are_not_found(api: Stage) -> None:
    async with api.client.get(f"{BASE}/events") as response:
        assert response.status == 404


async def test_an_agents_history_is_newest_first(api: Stage) -> None:
    await api.tell(PROJECT, *whole_story())
    found = rest.AgentHistory.model_validate(await api.get("/api/v1/agents/status-history/analyst?limit=3"))
    positions = [change.position for change in found.history]
    assert len(positions) == 3
    assert positions == sorted(positions, reverse=True)
