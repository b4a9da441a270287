"""Lists over all projects: filters, orders, pages that miss and repeat nothing, and cursors that nobody can make up."""

import base64
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from baton_contracts.events import ProjectCreated, ProjectFailed, ProjectReopened
from baton_contracts.rest_lists import AgentDefinitions, HitlPage, ProjectPage
from baton_eventlog.sql import load_queries
from baton_gateway.pages import pages_of
from baton_gateway.reading import READS
from support.api import asked, created
from support.logs import Log, open_log
from support.stage import Stage, stage

MODES = ("force_custom_plan", "force_generic_plan")
ORDERS = ("created_at", "-created_at", "updated_at", "-updated_at", "name", "-name")
NAMES = ("Berry", "apple", "Berry", "Ärger", "cherry", "Berry", "date")


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path) as open_stage:
        yield open_stage


async def page(api: Stage, **query: str) -> ProjectPage:
    async with api.client.get("/api/v1/projects", params=query) as response:
        assert response.status == 200, await response.text()
        return ProjectPage.model_validate(await response.json())


async def pages(api: Stage, **query: str) -> list[UUID]:
    """Read every page; give the ids in the order in which they came."""
    read = await page(api, **query)
    ids = [one.project_id for one in read.projects]
    while read.next:
        read = await page(api, **query, cursor=read.next)
        assert read.projects
        ids += [one.project_id for one in read.projects]
    return ids


async def refused(api: Stage, path: str, **query: str) -> Any:  # noqa: ANN401 - any JSON
    async with api.client.get(path, params=query) as response:
        assert response.status == 422, await response.text()
        problem = await response.json(content_type="application/problem+json")
        return [error["pointer"] for error in problem["errors"]]


@pytest.mark.parametrize("sort", ORDERS)
@pytest.mark.parametrize("limit", ["1", "2", "3", "200"])
async def test_pages_of_any_size_make_up_the_whole_list_in_its_order(api: Stage, sort: str, limit: str) -> None:
    made = [UUID(await created(api, name=name)) for name in NAMES]
    told = await pages(api, sort=sort, limit=limit)
    assert sorted(told) == sorted(made)
    if sort.endswith("created_at"):
        assert told == (made[::-1] if sort.startswith("-") else made)
    if sort.endswith("name"):
        known = {one.project_id: one.name for one in (await page(api)).projects}
        names = [known[project_id] for project_id in told]
        statement = "SELECT array_agg(name ORDER BY name) FROM unnest($1::text[]) AS name"
        in_order = await api.host.pool.fetchval(statement, list(NAMES))
        assert names == (in_order[::-1] if sort.startswith("-") else in_order)


async def test_a_project_that_is_added_between_two_pages_moves_nothing(api: Stage) -> None:
    made = [UUID(await created(api, name=f"P{n}")) for n in range(4)]
    first = await page(api, limit="2")
    assert first.next
    await created(api, name="Late")
    second = await page(api, limit="2", cursor=first.next)
    assert [one.project_id for one in (*first.projects, *second.projects)] == made[::-1]
    assert second.next is None


async def test_projects_are_filtered_by_status_and_by_whether_they_are_paused(api: Stage) -> None:
    active, paused, over = [UUID(await created(api, name=name)) for name in ("active", "paused", "over")]
    await api.post(f"/api/v1/projects/{paused}/pause")
    await api.post(f"/api/v1/projects/{over}/cancel", {"reason": "enough"})
    assert await pages(api, status="active", sort="name") == [active, paused]
    assert await pages(api, status="failed,completed") == [over]
    assert await pages(api, paused="true") == [paused]
    assert await pages(api, paused="false", status="active") == [active]
    (line,) = (await page(api, status="failed")).projects
    assert (line.name, line.status, line.paused) == ("over", "failed", False)
    assert line.reason
    assert "enough" in line.reason


async def test_who_is_of_no_tenant_sees_the_projects_of_all(api: Stage) -> None:
    ours, theirs = UUID(await created(api)), uuid4()
    await api.tell(theirs, ProjectCreated(name="Theirs", product_idea="An app", tenant="another"))
    assert await pages(api) == [theirs, ours]


async def test_both_spellings_of_the_path_list_projects(api: Stage) -> None:
    assert await api.get("/api/v1/projects/") == {"projects": [], "next": None}


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


NOW, ID = "2026-01-01T00:00:00+00:00", str(UUID(int=7))


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "=",
        "%00",
        "ü",
        "A" * 5000,
        forged(),
        forged("-created_at", NOW),
        forged("-created_at", NOW, 5),
        forged("-created_at", NOW, ID, 1),
        forged("-created_at", 5, ID),
        forged("-created_at", None, ID),
        forged("-created_at", "yesterday", ID),
        forged("-created_at", "2026-01-01", ID),
        forged("-created_at", "0001-01-01T00:00:00+14:00", ID),
        forged("-created_at", "2026-01-01T00:00:00+01:00", ID),
        forged("-created_at", NOW, "x"),
        forged("-created_at", NOW, ID) + "=",
        forged("created_at", NOW, ID),
        forged("requests", NOW, ID),
        forged("-name", "A", ID),
        forged({}, [], ID),
    ],
)
async def test_a_cursor_that_no_page_of_this_list_gave_is_422(api: Stage, cursor: str) -> None:
    assert await refused(api, "/api/v1/projects", cursor=cursor) == ["/query/cursor"]
    assert await refused(api, "/api/v1/hitl", cursor=forged("name", "A", ID)) == ["/query/cursor"]


async def test_a_name_that_cannot_be_kept_is_no_place_in_a_list_of_names(api: Stage) -> None:
    for name in ("a\0b", "\ud800", ""):
        assert await refused(api, "/api/v1/projects", sort="name", cursor=forged("name", name, ID)) == ["/query/cursor"]


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/api/v1/projects", "limit", "0"),
        ("/api/v1/projects", "limit", "201"),
        ("/api/v1/projects", "limit", "-1"),
        ("/api/v1/projects", "paused", "yes"),
        ("/api/v1/projects", "paused", "1"),
        ("/api/v1/projects", "sort", "id"),
        ("/api/v1/projects", "sort", "--name"),
        ("/api/v1/projects", "q", "x"),
        ("/api/v1/hitl", "limit", "0"),
        ("/api/v1/hitl", "sort", "name"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_named(api: Stage, path: str, name: str, value: str) -> None:
    assert await refused(api, path, **{name: value}) == [f"/query/{name}"]


async def test_a_status_that_there_is_not_is_named(api: Stage) -> None:
    assert await refused(api, "/api/v1/projects", status="active,paused") == ["/query/status/1"]
    assert await refused(api, "/api/v1/hitl", status="expired") == ["/query/status/0"]


async def inbox(api: Stage, query: str = "") -> HitlPage:
    return HitlPage.model_validate(await api.get(f"/api/v1/hitl{query}"))


async def test_the_inbox_holds_the_questions_of_all_projects_oldest_first(api: Stage) -> None:
    assert await inbox(api) == HitlPage(requests=[], next=None, pending_count=0)
    requests = [await asked(api, await created(api)) for _ in range(3)]
    assert (await inbox(api)).requests == requests
    await api.post(f"/api/v1/hitl/{requests[1].request_id}/respond", {"action": "approve"})
    pending = await inbox(api, "?status=pending")
    assert pending == HitlPage(requests=[requests[0], requests[2]], next=None, pending_count=2)
    (answered,) = (await inbox(api, "?status=approved,rejected")).requests
    assert (answered.request_id, answered.responded_by) == (requests[1].request_id, "user")


async def test_the_inbox_is_read_page_by_page(api: Stage) -> None:
    requests = [await asked(api, await created(api)) for _ in range(3)]
    first = await inbox(api, "?limit=2")
    assert (first.requests, first.pending_count) == (requests[:2], 3)
    second = await inbox(api, f"?limit=2&cursor={first.next}")
    assert (second.requests, second.next, second.pending_count) == (requests[2:], None, 3)


async def test_every_agent_is_told_as_its_definition_describes_it(api: Stage) -> None:
    agents = AgentDefinitions.model_validate(await api.get("/api/v1/agents")).agents
    known = {agent["agent_type"] for agent in (await api.get("/api/v1/agents/status"))["agents"]}
    assert {agent.agent_type for agent in agents} == known
    (analyst,) = [agent for agent in agents if agent.agent_type == "analyst"]
    assert (analyst.output, bool(analyst.name), bool(analyst.title)) == ("software_specification", True, True)


MANY: Final = """
INSERT INTO projects (id, name, created_at, status, product_idea, tenant, updated_at, position, paused)
SELECT gen_random_uuid(), n, now() - make_interval(secs => n), 'active', 'x',
       CASE WHEN n % 2 = 0 THEN 'default' WHEN n % 4 = 1 THEN 'smaller' ELSE 'tenant ' || n % 599 END,
       now() - make_interval(secs => n), n, false
  FROM generate_series(1, 20000) n
"""
ASKED: Final = """
SET session_replication_role = replica;  -- no tasks are needed to see where a list begins
INSERT INTO hitl_requests (id, project_id, task_id, request_content, status, created_at, updated_at, position, tenant)
SELECT gen_random_uuid(), id, gen_random_uuid(), 'x', CASE position % 9 WHEN 0 THEN 'pending'::hitl_status
       ELSE 'approved' END, created_at, created_at, position, tenant FROM projects;
SET session_replication_role = DEFAULT;
"""
TIME, NAME, NO_ID = "now() - interval '10000 s'", "'5000'", "gen_random_uuid()"
TENANTS: Final = ("'default'", "'smaller'", "NULL")
PROJECTS: Final = "text, project_status[], bool, {}, uuid, bigint"
BY_TIME, BY_NAME = PROJECTS.format("timestamptz"), PROJECTS.format("text")
PLANS: Final = {
    f"projects_by_{order}{direction}": (types, f"{{tenant}}, NULL, NULL, {{key}}, {NO_ID}, 51", key)
    for order, types, key in (("created_at", BY_TIME, TIME), ("updated_at", BY_TIME, TIME), ("name", BY_NAME, NAME))
    for direction in ("", "_descending")
} | {
    "requests": (
        "text, timestamptz, uuid, bigint, hitl_status[]",
        f"{{tenant}}, {{key}}, {NO_ID}, 51, ARRAY['approved', 'pending']::hitl_status[]",
        TIME,
    ),
    "pending_requests": ("text, timestamptz, uuid, bigint", f"{{tenant}}, {{key}}, {NO_ID}, 51", TIME),
    "pending_count": ("text", "{tenant}", None),
}


def test_every_statement_of_the_lists_is_explained_here() -> None:
    assert {*PLANS, "of_all_tenants"} == set(load_queries("baton_gateway", "lists.sql"))


def statement_of(name: str, tenant: str) -> str:
    """Return a list's statement as it is asked for a tenant or for all."""
    if name == "pending_count" or tenant != "NULL":
        return READS[name]
    by, key = name.removesuffix("_descending").removeprefix("projects_by_"), "project_id"
    if name.endswith("requests"):
        by, key = "created_at", "request_id"
    direction = " DESC" if name.endswith("_descending") else ""
    return pages_of(name, f"{by}{direction}, {key}{direction}").of_all


@pytest.fixture
async def many(database: str) -> AsyncIterator[Log]:
    """Lists of thousands of entries, of a large tenant, of a smaller one, and of hundreds of small ones."""
    async with open_log(database) as log:
        await log.pool.execute(MANY)
        await log.pool.execute(ASKED)
        await log.pool.execute("ANALYZE projects, hitl_requests")
        yield log


Explained = dict[tuple[str, str, str, str], dict[str, Any]]


async def explained(log: Log, how: str, modes: Sequence[str]) -> Explained:
    """Return the plan of every list: its first page and one in the middle, of each tenant and of all of them."""
    plans: Explained = {}
    async with log.pool.acquire() as connection:
        for (name, (types, values, middle)), tenant in product(PLANS.items(), TENANTS):
            await connection.execute(f"PREPARE page ({types}) AS {statement_of(name, tenant)}")
            for mode, key in product(modes, dict.fromkeys((middle or "NULL", "NULL"))):
                await connection.execute(f"SET plan_cache_mode = {mode}")
                asked = f"EXPLAIN ({how}, FORMAT JSON) EXECUTE page ({values.format(tenant=tenant, key=key)})"
                plans[name, mode, tenant, key] = json.loads(await connection.fetchval(asked))[0]["Plan"]
            await connection.execute("DEALLOCATE page")
    return plans


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give every node of a plan."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def page_of(plan: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a list's plan that is run for each tenant that is shown: the whole, where it is of one."""
    for each in nodes(plan):
        if each["Node Type"] == "Nested Loop":
            tenants, one = each["Plans"]
            assert (tenants["Node Type"], tenants["Alias"]) == ("Function Scan", "shown")
            return dict(one)
    return plan


def begins_at_its_tenant(node: dict[str, Any], key: str | None) -> bool:
    """Tell whether a node is the look-up with which a page begins: at its tenant, and at its key where it has one."""
    begins = r"\(tenant = (shown.tenant|\$1|'\w+'::text)\)" + (r" AND \(ROW\(" if key else "")
    return bool(re.search(begins, node.get("Index Cond", "")))


async def test_every_page_begins_at_its_tenant_and_its_key_by_index_under_any_plan(many: Log) -> None:
    """Of a large tenant, of a smaller one, of all of hundreds: no tenant's page is sorted, and nothing is walked."""
    found = {}
    for one, plan in (await explained(many, "COSTS OFF", MODES)).items():
        page = page_of(plan)
        kinds = {node["Node Type"] for node in nodes(page)}
        begins = [node for node in nodes(page) if begins_at_its_tenant(node, PLANS[one[0]][2])]
        if not begins or kinds & {"Sort", "Incremental Sort", "Seq Scan"}:
            found[one] = plan
    assert not found, "\n".join(f"{one}\n{json.dumps(plan, indent=1)}" for one, plan in found.items())


async def test_a_page_reads_no_more_of_each_tenant_than_it_may_show(many: Log) -> None:
    tenants = await many.pool.fetchval("SELECT count(DISTINCT tenant) FROM projects")
    assert tenants > 500
    for (name, _, tenant, key), plan in (await explained(many, "ANALYZE", MODES[:1])).items():
        (scan,) = [node for node in nodes(page_of(plan)) if begins_at_its_tenant(node, PLANS[name][2])]
        assert scan["Actual Loops"] == (tenants if tenant == "NULL" else 1), (name, tenant, key)
        assert scan.get("Rows Removed by Filter", 0) == 0, (name, tenant, key)
        assert scan["Actual Rows"] <= 51 or name == "pending_count", (name, tenant, key)


@pytest.mark.parametrize("planned", ["on empty tables", "on grown ones"])
async def test_the_tenants_are_found_by_a_step_in_an_index_each(database: str, planned: str) -> None:
    """A session keeps its plan, so the plan may not depend on how small the tables were."""
    async with open_log(database) as log, log.pool.acquire() as connection:
        await connection.execute("ALTER TABLE projects SET (autovacuum_enabled = off)")
        if planned == "on empty tables":
            assert await connection.fetch("SELECT tenants_shown(NULL)") == []
        await connection.execute(MANY.replace("599", "3"))
        if planned == "on grown ones":
            await connection.execute("ANALYZE projects")
        for wanted, shown in ((None, ["default", "smaller", "tenant 0", "tenant 1", "tenant 2"]), ("x", ["x"])):
            assert [row[0] for row in await connection.fetch("SELECT tenants_shown($1)", wanted)] == shown
        asked = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT tenants_shown(NULL)"
        ((plan,),) = await connection.fetch(asked)
        blocks = json.loads(plan)[0]["Plan"]["Shared Hit Blocks"]
        pages = await connection.fetchval("SELECT pg_relation_size('projects') / 8192")
    assert blocks < 60 < pages


async def test_a_question_of_a_project_that_is_over_waits_for_nobody(api: Stage) -> None:
    project_id = await created(api)
    request = await asked(api, project_id)
    other = await asked(api, await created(api))
    await api.tell(project_id, ProjectFailed(reason="given up"))
    left = HitlPage(requests=[other], next=None, pending_count=1)
    for query in ("", "?status=pending", "?status=pending,rejected"):
        assert await inbox(api, query) == left
    await api.tell(project_id, ProjectReopened(reason="retried"))
    assert await inbox(api, "?status=pending") == HitlPage(requests=[request, other], next=None, pending_count=2)
