"""Two tenants, and an admin of none: what is another's looks like what is not there, whatever is asked of it."""

import contextlib
import dataclasses
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiohttp
import pytest

from baton_contracts import rest
from baton_contracts.events import TaskFailed, TaskStart
from baton_contracts.rest_lists import HitlPage, ProjectPage
from baton_gateway.route import Route
from baton_gateway.routes import ROUTES
from support.api import asked, created, finished, view
from support.bundles import SPECIFICATION
from support.keys import bearing, make_key
from support.stage import Stage, stage, work
from support.waiting import eventually

ABSENT: Final = "7d0f2f6e-0000-4000-8000-00000000abcd"
PAST: Final = ("?as_of=1000000", "?as_of=2100-01-01T00:00:00Z")
ABOUT_ONE: Final = [
    route
    for route in ROUTES
    if any(name in route.path for name in ("{project_id}", "{request_id}", "{execution_id}", "/execute"))
]
Answer = tuple[int, str, dict[str, str]]


@dataclasses.dataclass(frozen=True, slots=True)
class People:
    """One gateway as an admin of each tenant sees it, and as one of none does."""

    ours: Stage
    theirs: Stage
    all: Stage


@pytest.fixture
async def people(database: str, tmp_path: Path) -> AsyncIterator[People]:
    async with contextlib.AsyncExitStack() as stack:
        on = await stack.enter_async_context(stage(database, tmp_path, auth="on"))

        async def of(tenant: str | None, name: str) -> Stage:
            key = await make_key(database, "admin", tenant, name=name)
            client = aiohttp.ClientSession(on.url, headers=bearing(key), timeout=aiohttp.ClientTimeout(20))
            return dataclasses.replace(on, client=await stack.enter_async_context(client))

        yield People(await of("ours", "anna"), await of("theirs", "bert"), await of(None, "root"))


async def answer(by: Stage, method: str, path: str, body: object = None, **headers: str) -> Answer:
    """Ask; give status, text and headers, without what differs between any two answers."""
    async with by.client.request(method, path, json=body, headers=headers) as response:
        told = {name.lower(): value for name, value in response.headers.items()}
        told = {name: value for name, value in told.items() if name not in ("date", "content-length")}
        return response.status, (await response.read()).decode(errors="replace"), told


async def settled(of: Stage) -> dict[str, str]:
    """Have a project that is complete, with its bundle, and one that asks; give the ids of what there is."""
    project_id = await finished(of)

    async def is_bundled() -> bool:
        return bool((await of.get(f"/api/v1/projects/{project_id}/completion"))["artifacts_available"])

    await eventually(is_bundled)
    request = await asked(of, await created(of))
    execution = "SELECT id FROM workflow_executions WHERE project_id = $1"
    return {
        "project_id": project_id,
        "request_id": str(request.request_id),
        "task_id": str((await view(of, project_id)).tasks[0].id),
        "execution_id": str(await of.host.pool.fetchval(execution, UUID(project_id))),
    }


def requests(route: Route, ids: dict[str, str]) -> Iterator[tuple[str, object]]:
    """Give the paths and bodies with which a route is asked about these things."""
    path = route.path.format(workflow_id="idea-to-software", **ids)
    body: object = None
    if route.method == "POST" and route.body:
        bodies = {"HitlAnswer": {"action": "approve"}, "NewExecution": {"project_id": ids["project_id"]}}
        body = bodies.get(route.body.__name__, {})
    yield path, body
    if "as_of" in route.query.model_fields:
        yield from ((path + past, body) for past in PAST)


def neutral(found: Answer, ids: dict[str, str]) -> Answer:
    """Return an answer without the ids that it was asked about."""
    status, text, headers = found
    for name, value in ids.items():
        text = text.replace(value, f"<{name}>")
    return status, text, headers


async def test_what_is_another_s_is_answered_like_what_is_not_there_by_every_route(
    people: People, tmp_path: Path
) -> None:
    """Reads, the past, commands to all owners: equal to the letter, and nothing of it is touched, built or removed."""
    theirs = await settled(people.theirs)
    absent = {name: ABSENT[:-1] + str(n) for n, name in enumerate(theirs)}
    before, files = await people.all.head(), set(tmp_path.rglob("*"))
    for route in ABOUT_ONE:
        for foreign, nothing in zip(requests(route, theirs), requests(route, absent), strict=True):
            found = neutral(await answer(people.ours, route.method, *foreign), theirs)
            assert found == neutral(await answer(people.ours, route.method, *nothing), absent), foreign
            assert found[0] == 404, foreign
            assert "application/problem+json" in found[2]["content-type"]
    assert await people.all.head() == before
    assert set(tmp_path.rglob("*")) == files
    for by in (people.theirs, people.all):
        reads = [route for route in ABOUT_ONE if route.method == "GET" and not route.opens_socket]
        for path, _ in itertools.chain.from_iterable(requests(route, theirs) for route in reads):
            assert (await answer(by, "GET", path))[0] == 200, path


async def test_no_bundle_is_built_of_another_s_project_nor_told_that_there_is_nothing_to_build(
    people: People, tmp_path: Path
) -> None:
    nothing_yet, with_output = [await created(people.theirs) for _ in range(2)]
    (task,) = (await view(people.theirs, with_output)).tasks
    await people.all.tell(with_output, *work(task, "software_specification", SPECIFICATION))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    path, absent = "/api/v1/artifacts/{}/generate", {"id": ABSENT}
    nothing = neutral(await answer(people.ours, "POST", path.format(ABSENT)), absent)
    for project_id in (nothing_yet, with_output):
        assert neutral(await answer(people.ours, "POST", path.format(project_id)), {"id": project_id}) == nothing
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before
    assert [(await answer(people.theirs, "POST", path.format(one)))[0] for one in (nothing_yet, with_output)] == [
        409,
        200,
    ]
    assert {path for path in tmp_path.rglob("*") if path.is_file()} > before


async def test_an_etag_of_another_s_project_is_of_no_use_though_it_was_read_a_moment_ago(people: People) -> None:
    project_id = await created(people.theirs)
    path = f"/api/v1/projects/{project_id}"
    status, _, headers = await answer(people.theirs, "GET", path)
    assert status == 200
    for tag in (headers["etag"], "*"):
        assert (await answer(people.theirs, "GET", path, **{"If-None-Match": tag}))[0] == 304
        assert (await answer(people.all, "GET", path, **{"If-None-Match": tag}))[0] == 304
        found = await answer(people.ours, "GET", path, **{"If-None-Match": tag})
        nothing = await answer(people.ours, "GET", f"/api/v1/projects/{ABSENT}", **{"If-None-Match": tag})
        assert neutral(found, {"id": project_id}) == neutral(nothing, {"id": ABSENT})
        assert (found[0], "etag" in found[2]) == (404, False)


async def test_a_task_of_another_s_is_not_in_a_project_of_one_s_own(people: People) -> None:
    ours, theirs = await created(people.ours), await created(people.theirs)
    (task,) = (await view(people.theirs, theirs)).tasks
    start = TaskStart(task_id=task.id, agent_type="analyst", attempt=1, runner_id=UUID(int=1), message="At work")
    await people.all.tell(theirs, start, TaskFailed(task_id=task.id, agent_type="analyst", attempt=1, reason="broke"))
    path = f"/api/v1/projects/{ours}/tasks/{{}}/retry"
    found = await answer(people.ours, "POST", path.format(task.id))
    nothing = await answer(people.ours, "POST", path.format(ABSENT))
    assert neutral(found, {"id": str(task.id)}) == neutral(nothing, {"id": ABSENT})
    assert found[0] == 404


async def test_a_repeat_with_another_s_key_is_no_repeat(people: People) -> None:
    project_id = await created(people.theirs)
    for command in ("pause", "cancel"):
        path, headers = f"/api/v1/projects/{project_id}/{command}", {"Idempotency-Key": command}
        assert (await answer(people.theirs, "POST", path, **headers))[0] == 200
        for _ in range(2):
            assert (await answer(people.ours, "POST", path, **headers))[0] == 404
        assert (await answer(people.theirs, "POST", path, **headers))[0] == 200
    made = [await created_under(by, "k") for by in (people.ours, people.theirs, people.ours)]
    assert made[0] == made[2] != made[1]


async def created_under(by: Stage, key: str) -> str:
    """Create a project under a key; give its id."""
    body, headers = {"product_idea": "An app that counts birds"}, {"Idempotency-Key": key}
    return str(json.loads((await answer(by, "POST", "/api/v1/projects", body, **headers))[1])["project_id"])


async def pages(by: Stage, **query: str) -> tuple[list[str], list[str]]:
    """Read a list of projects to its end; give the ids, and the cursors that led from page to page."""
    ids: list[str] = []
    cursors: list[str] = []
    while True:
        params = query | ({"cursor": cursors[-1]} if cursors else {})
        async with by.client.get("/api/v1/projects", params=params) as response:
            assert response.status == 200, await response.text()
            page = ProjectPage.model_validate(await response.json())
        ids += [str(one.project_id) for one in page.projects]
        if page.next is None:
            return ids, cursors
        cursors.append(page.next)


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"])
async def test_a_list_shows_a_tenant_its_own_and_who_is_of_none_all_of_them_in_order(people: People, sort: str) -> None:
    """Page by page; a cursor is a place in an order, so that of another's list shows nothing of theirs."""
    made: dict[str, list[str]] = {"ours": [], "theirs": []}
    for n, whose in enumerate(("ours", "theirs", "theirs", "ours", "theirs", "ours", "ours")):
        made[whose].append(await created(getattr(people, whose), name=f"{'BADCBAE'[n]} {n}"))
    rows = await people.all.host.pool.fetch("SELECT * FROM projects")
    order = [str(row["id"]) for row in sorted(rows, key=lambda row: row[sort.lstrip("-")], reverse=sort[0] == "-")]
    for limit in ("1", "2", "3", "200"):
        everything, _ = await pages(people.all, sort=sort, limit=limit)
        assert everything == order
        for whose, ids in made.items():
            assert (await pages(getattr(people, whose), sort=sort, limit=limit))[0] == [
                one for one in order if one in ids
            ]
    _, cursors = await pages(people.theirs, sort=sort, limit="1")
    for cursor in cursors:
        seen: dict[str, Any] = await people.ours.get(f"/api/v1/projects?sort={sort}&cursor={cursor}")
        assert {one["project_id"] for one in seen["projects"]} <= set(made["ours"])


async def inbox(by: Stage, query: str = "") -> HitlPage:
    """Read a page of the inbox."""
    return HitlPage.model_validate(await by.get(f"/api/v1/hitl{query}"))


async def test_an_inbox_holds_a_tenant_s_own_questions_and_that_of_who_is_of_none_all(people: People) -> None:
    order = ["ours", "theirs", "theirs", "ours"]
    requests = [await asked(getattr(people, whose), await created(getattr(people, whose))) for whose in order]
    of = {whose: [one for one, name in zip(requests, order, strict=True) if name == whose] for whose in order}
    for query in ("", "?status=pending"):
        assert await inbox(people.all, query) == HitlPage(requests=requests, next=None, pending_count=4)
        for whose, own in of.items():
            assert await inbox(getattr(people, whose), query) == HitlPage(requests=own, next=None, pending_count=2)
    first = await inbox(people.all, "?limit=3")
    assert first.requests == requests[:3]
    assert (await inbox(people.all, f"?limit=3&cursor={first.next}")).requests == requests[3:]
    place = (await inbox(people.theirs, "?limit=1")).next
    assert (await inbox(people.ours, f"?cursor={place}")).requests == of["ours"][1:]


async def analyst(by: Stage, query: str = "") -> tuple[str, UUID | None]:
    """Give what the analyst does, and at which task."""
    agents = rest.AgentList.model_validate(await by.get(f"/api/v1/agents/status{query}")).agents
    (one,) = [agent for agent in agents if agent.agent_type == "analyst"]
    if not query:
        assert one == rest.AgentView.model_validate(await by.get("/api/v1/agents/status/analyst"))
    return one.status, one.current_task_id


async def test_an_agent_does_in_each_tenant_what_it_does_there_and_over_all_what_it_is_busiest_with(
    people: People,
) -> None:
    await asked(people.ours, await created(people.ours))
    waiting = await analyst(people.ours)
    assert waiting[0] == "waiting_for_hitl"
    assert await analyst(people.all) == waiting
    assert await analyst(people.theirs) == ("idle", None)
    before = await people.all.head()
    project_id = await created(people.theirs)
    (task,) = (await view(people.theirs, project_id)).tasks
    start = TaskStart(task_id=task.id, agent_type="analyst", attempt=1, runner_id=UUID(int=1), message="At work")
    await people.all.host.pool.execute("INSERT INTO runners (id) VALUES ($1)", start.runner_id)  # else it is replaced
    await people.all.tell(project_id, start)
    assert [await analyst(by) for by in (people.ours, people.theirs, people.all)] == [
        waiting,
        ("working", task.id),
        ("working", task.id),
    ]
    past = f"?as_of={before}"
    assert [await analyst(by, past) for by in (people.ours, people.theirs, people.all)] == [
        waiting,
        ("idle", None),
        waiting,
    ]
    path = "/api/v1/agents/status-history/analyst"
    ours, theirs, both = [(await by.get(path))["history"] for by in (people.ours, people.theirs, people.all)]
    assert [one["task_id"] for one in theirs] == [str(task.id)]
    assert both == [*theirs, *ours]
    assert (await people.all.get(f"{path}?limit=1"))["history"] == theirs


async def test_an_answer_says_who_gave_it(people: People) -> None:
    """To whoever gives it, again when it is repeated, to who is late, and to whoever reads the request."""
    request = await asked(people.ours, await created(people.ours))
    path, body = f"/api/v1/hitl/{request.request_id}", {"action": "approve"}
    for _ in range(2):
        _, given, _ = await answer(people.ours, "POST", f"{path}/respond", body, **{"Idempotency-Key": "once"})
        assert json.loads(given) == {
            "request_id": str(request.request_id),
            "new_status": "approved",
            "responded_by": "key:anna",
        }
    late = await people.all.post(f"{path}/respond", {"action": "reject"}, status=409)
    assert late["winner"]["responded_by"] == "key:anna"
    assert (await people.all.get(path))["responded_by"] == "key:anna"


async def test_who_is_of_no_tenant_acts_on_all_and_creates_in_the_default_one(people: People) -> None:
    for by in (people.ours, people.theirs):
        assert (await people.all.post(f"/api/v1/projects/{await created(by)}/pause"))["paused"] is True
    project_id = await created(people.all)
    tenant = "SELECT tenant FROM projects WHERE id = $1"
    assert await people.all.host.pool.fetchval(tenant, UUID(project_id)) == "default"
    assert (await answer(people.ours, "GET", f"/api/v1/projects/{project_id}"))[0] == 404
