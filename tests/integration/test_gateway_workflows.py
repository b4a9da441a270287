"""The ten routes under `/workflows` on a real PostgreSQL, with the real services behind them."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from baton_contracts import rest_workflows as rest
from baton_contracts.events import ProjectPaused, WorkflowStarted
from baton_contracts.rest import TaskList, TaskView
from baton_gateway.reading import READS
from support.api import created
from support.bundles import OUTPUTS, SPECIFICATION
from support.histories import short_story
from support.logs import command, open_log
from support.long_logs import multiply
from support.stage import Stage, stage, work
from support.stories import PROJECT
from support.waiting import eventually

TEMPLATES: Final = "/api/v1/workflows/templates"
WORKFLOWS: Final = "/api/v1/workflows/workflows"
TEAMS: Final = "/api/v1/workflows/teams"
AGENTS: Final = ["analyst", "architect", "coder", "deployer", "tester"]


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path) as open_stage:
        yield open_stage


async def refused(api: Stage, method: str, path: str, status: int, body: object = None) -> Any:  # noqa: ANN401
    """Send a request that is answered with a problem; give it."""
    async with api.client.request(method, path, json=body) as response:
        assert response.status == status, await response.text()
        assert response.content_type == "application/problem+json"
        return await response.json(content_type=None)


def pointers(problem: Any) -> list[str]:  # noqa: ANN401 - any JSON
    return [field["pointer"] for field in problem["errors"]]


async def execute(api: Stage, project_id: str, workflow_id: str = "prototype", **fields: object) -> str:
    """Start an execution; give its id."""
    body = {"project_id": project_id, **fields}
    answer = await api.post(f"{WORKFLOWS}/{workflow_id}/execute", body, status=202)
    return str(rest.ExecutionStarted.model_validate(answer).execution_id)


async def progress(api: Stage, execution_id: str, workflow_id: str = "prototype") -> rest.ExecutionView:
    """Read how far an execution is."""
    return rest.ExecutionView.model_validate(await api.get(f"{WORKFLOWS}/{workflow_id}/status/{execution_id}"))


async def tasks(api: Stage, project_id: str) -> list[TaskView]:
    """Read a project's tasks, oldest first."""
    return TaskList.model_validate(await api.get(f"/api/v1/projects/{project_id}/tasks")).tasks


async def newest_task(api: Stage, project_id: str, count: int) -> TaskView:
    """Wait until a project has so many tasks; give the newest."""

    async def is_there() -> bool:
        return len(await tasks(api, project_id)) == count

    await eventually(is_there)
    return (await tasks(api, project_id))[-1]


async def play(api: Stage, project_id: str, steps: int) -> None:
    """Have the first steps of a prototype done."""
    for n, (kind, content) in enumerate(list(OUTPUTS.items())[:steps], start=1):
        await api.tell(project_id, *work(await newest_task(api, project_id, n), kind, content))


async def finished(api: Stage) -> str:
    """Have a whole prototype done; give the id of its project, which is completed."""
    project_id = await created(api, workflow_id="prototype")
    await play(api, project_id, len(OUTPUTS))

    async def is_completed() -> bool:
        return bool(await api.host.pool.fetchval("SELECT status = 'completed' FROM projects"))

    await eventually(is_completed)
    return project_id


async def first_execution(api: Stage, project_id: str) -> str:
    """Give the execution that a project began with."""
    return str(
        await api.host.pool.fetchval(
            "SELECT id FROM workflow_executions WHERE project_id = $1 ORDER BY started_at LIMIT 1", UUID(project_id)
        )
    )


async def test_every_template_is_listed_and_fetched(api: Stage) -> None:
    listed = rest.TemplateList.model_validate(await api.get(TEMPLATES))
    assert [one.id for one in listed.templates] == ["plan-tmpl", "specification-tmpl", "test-report-tmpl"]
    for summary in listed.templates:
        found = rest.TemplateView.model_validate(await api.get(f"{TEMPLATES}/{summary.id}"))
        assert summary.model_dump() == found.model_dump(include=set(summary.model_dump()))
        assert found.content["sections"]
        assert {section for use in found.variables for section in use.used_in} <= {one.id for one in found.sections}


async def test_a_template_tells_its_variables_and_its_sections_with_their_depth(api: Stage) -> None:
    found = await api.get(f"{TEMPLATES}/plan-tmpl")
    assert found["variables"][:3] == [
        {"name": "project_name", "used_in": [], "repeatable": False},
        {"name": "diagram", "used_in": ["diagram"], "repeatable": False},
        {"name": "architecture_diagram_url", "used_in": ["diagram-address"], "repeatable": False},
    ]
    assert {"name": "tech_stack", "used_in": ["tech-stack"], "repeatable": True} in found["variables"]
    assert [(one["id"], one["depth"]) for one in found["sections"]][:3] == [
        ("architecture", 1),
        ("diagram", 2),
        ("diagram-address", 2),
    ]


async def test_a_template_is_rendered_as_markdown_unless_another_format_is_asked_for(api: Stage) -> None:
    path = f"{TEMPLATES}/specification-tmpl/render"
    values = {"project_name": "Cook & <b>", "requirements": ["R1", "R2"], "unused": 1}
    answer = await api.post(path, {"variables": values})
    assert answer["rendered_content"].startswith("# Cook & <b>: Specification\n\n## Core Idea\n\n{{core_idea}}\n")
    assert (answer["format"], answer["variables_used"]) == ("markdown", ["project_name", "requirements"])
    assert answer["missing"] == ["core_idea", "high_level_features", "user_stories"]
    for name, begins in {"html": "<h1>Cook &amp; &lt;b&gt;: ", "json": '{\n  "id"', "yaml": "id: spec"}.items():
        other = await api.post(path, {"variables": values, "output_format": name})
        assert (other["format"], other["rendered_content"][: len(begins)]) == (name, begins)
        assert other["missing"] == answer["missing"]


async def test_what_cannot_be_rendered_is_told_to_the_field(api: Stage) -> None:
    misfits: list[tuple[object, list[str]]] = [
        ({"output_format": "pdf"}, ["/output_format"]),
        ({"variables": {"a/b": {"x": 1}, "c": None}}, ["/variables/a~1b", "/variables/c"]),
        ({"variables": {"core_idea": "x" * (300 << 10)}}, ["/variables"]),
        ({"variables": {f"v{n}": "" for n in range(1001)}}, ["/variables"]),
        ({"values": {}}, ["/values"]),
    ]
    for body, expected in misfits:
        assert pointers(await refused(api, "POST", f"{TEMPLATES}/specification-tmpl/render", 422, body)) == expected


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        (
            f"{TEMPLATES}/plan-tmpl/render",
            {"variables": {"diagram": "x", "tech_stack": ["a"], "n": 1.5, "b": True}},
            {"variables": {"diagram": "y"}},
        ),
        (f"{TEAMS}/full-team/validate", {"workflow_id": "prototype"}, {"workflow_id": "idea-to-software"}),
    ],
)
async def test_the_same_key_gives_the_first_answer_and_another_body_under_it_is_refused(
    api: Stage, path: str, body: object, other: object
) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = await api.post(path, body, status=200, **key)
    assert await api.post(path, body, status=200, **key) == first
    assert (await api.post(path, other, status=422, **key))["title"] == "Idempotency key reused"


async def test_every_workflow_is_listed_and_fetched_with_its_handoffs_and_rules(api: Stage) -> None:
    listed = rest.WorkflowList.model_validate(await api.get(WORKFLOWS))
    assert [one.id for one in listed.workflows] == ["idea-to-software", "prototype"]
    for summary in listed.workflows:
        found = rest.WorkflowView.model_validate(await api.get(f"{WORKFLOWS}/{summary.id}"))
        steps = [step.id for step in found.steps]
        assert steps == [phase.id for phase in summary.phases]
        assert [handoff.target_step for handoff in found.handoffs] == steps
        assert {rule.step for rule in found.validation_rules} == set(steps)
    assert [phase.gate for phase in listed.workflows[0].phases] == [True, True, False, False, False]


async def test_a_workflow_names_the_hash_that_its_executions_are_bound_to(api: Stage) -> None:
    found = await api.get(f"{WORKFLOWS}/prototype")
    execution_id = await first_execution(api, await created(api, workflow_id="prototype"))
    bound = await api.host.pool.fetchval(
        "SELECT definition_hash FROM workflow_executions WHERE id = $1", UUID(execution_id)
    )
    assert found["definition_hash"] == bound


async def test_what_does_not_exist_is_404(api: Stage) -> None:
    missing: list[tuple[str, str, object]] = [
        ("GET", f"{TEMPLATES}/none", None),
        ("POST", f"{TEMPLATES}/none/render", {"variables": {}}),
        ("GET", f"{WORKFLOWS}/none", None),
        ("POST", f"{WORKFLOWS}/none/execute", {"project_id": str(uuid4())}),
        ("GET", f"{WORKFLOWS}/none/status/{uuid4()}", None),
        ("GET", f"{WORKFLOWS}/prototype/status/{uuid4()}", None),
        ("GET", f"{TEAMS}/none", None),
        ("POST", f"{TEAMS}/none/validate", {"workflow_id": "prototype"}),
    ]
    for method, path, body in missing:
        assert "errors" not in await refused(api, method, path, 404, body)


async def test_an_id_that_is_none_is_told_to_the_parameter(api: Stage) -> None:
    parameters = {TEMPLATES: "template_id", WORKFLOWS: "workflow_id", TEAMS: "team_id"}
    for path, name in parameters.items():
        assert pointers(await refused(api, "GET", f"{path}/Not%20An%20Id", 422)) == [f"/path/{name}"]


async def test_an_execution_is_started_told_where_it_is_found_and_gets_its_context(api: Stage) -> None:
    project_id = await created(api)
    given = {"context": {"audience": "neighbours", "n": [1, None]}, "parameters": {"tone": "plain"}}
    body = {"project_id": project_id, **given}
    async with api.client.post(f"{WORKFLOWS}/prototype/execute", json=body) as response:
        assert response.status == 202, await response.text()
        answer = await response.json()
        assert set(answer) == {"execution_id", "status", "estimated_duration"}
        assert response.headers["Location"] == f"{WORKFLOWS}/prototype/status/{answer['execution_id']}"
        assert int(response.headers["Baton-Position"]) > 0
    assert (answer["status"], answer["estimated_duration"]) == ("started", 5 * rest.SECONDS_A_STEP)
    assert (await progress(api, answer["execution_id"])).project_id == UUID(project_id)
    logged = await api.host.pool.fetchval(
        "SELECT payload::text FROM event_log WHERE event_type = 'workflow_started' ORDER BY position DESC LIMIT 1"
    )
    assert {name: getattr(WorkflowStarted.model_validate_json(logged), name) for name in given} == given


async def test_the_largest_context_and_parameters_that_are_taken_start_an_execution(api: Stage) -> None:
    deep: object = "x"
    for _ in range(60):
        deep = [deep]
    given = {"deep": deep, "large": 10**99, "small": -1e-300, "text": '"\\\x01\N{EURO SIGN}' * 5_000}
    project_id = await created(api)
    execution_id = await execute(api, project_id, context=given, parameters=given)
    assert (await progress(api, execution_id)).status == "started"


async def test_the_same_key_starts_one_execution_and_gives_the_same_estimate(api: Stage) -> None:
    project_id = await finished(api)
    body, key = {"project_id": project_id}, {"Idempotency-Key": "k-1"}
    path = f"{WORKFLOWS}/prototype/execute"
    first = await api.post(path, body, status=202, **key)
    started = await api.head()
    task = await newest_task(api, project_id, len(OUTPUTS) + 1)
    await api.tell(project_id, *work(task, "software_specification", SPECIFICATION))
    slowed = "UPDATE tasks SET updated_at = created_at + interval '1 h' WHERE position > $1 AND status = 'completed'"
    assert await api.host.pool.execute(slowed, started) == "UPDATE 1"
    assert await api.post(path, body, status=202, **key) == first
    assert await api.host.pool.fetchval("SELECT count(*) FROM workflow_executions") == 2
    assert (await api.post(path, body | {"context": {"a": 1}}, status=422, **key))["status"] == 422


async def test_an_execution_that_does_not_fit_is_told_to_the_field(api: Stage) -> None:
    project = {"project_id": str(uuid4())}
    misfits: list[tuple[object, list[str]]] = [
        ({}, ["/project_id"]),
        ({"project_id": "{6f9619ff-8b86-4d11-b42d-00cf4fc964ff}"}, ["/project_id"]),
        (project | {"context": []}, ["/context"]),
        (project | {"parameters": {"": 1}}, ["/parameters"]),
        (project | {"context": {"k": "x" * (65 << 10)}}, ["/context"]),
        (project | {"team": "x"}, ["/team"]),
    ]
    for body, expected in misfits:
        assert pointers(await refused(api, "POST", f"{WORKFLOWS}/prototype/execute", 422, body)) == expected


async def test_an_execution_in_a_project_that_does_not_exist_is_404_at_the_field(api: Stage) -> None:
    problem = await refused(api, "POST", f"{WORKFLOWS}/prototype/execute", 404, {"project_id": str(uuid4())})
    assert pointers(problem) == ["/project_id"]


async def test_an_execution_in_a_paused_project_is_409(api: Stage) -> None:
    project_id = await created(api)
    await api.tell(project_id, ProjectPaused())
    await refused(api, "POST", f"{WORKFLOWS}/prototype/execute", 409, {"project_id": project_id})


async def test_an_execution_is_started_then_running_then_completed_and_its_steps_count_once(api: Stage) -> None:
    project_id = await created(api, workflow_id="prototype")
    execution_id = await first_execution(api, project_id)
    before = await progress(api, execution_id)
    assert (before.status, before.current_step, before.progress, before.results) == ("started", "analyst", 0, {})
    await play(api, project_id, 2)
    await newest_task(api, project_id, 3)
    halfway = await progress(api, execution_id)
    assert (halfway.status, halfway.current_step, halfway.progress) == ("running", "coder", 40)
    assert list(halfway.results) == ["analyst", "architect"]
    for result, kind in zip(halfway.results.values(), OUTPUTS, strict=False):
        made = await api.host.pool.fetchrow("SELECT * FROM context_artifacts WHERE task_id = $1", result.task_id)
        assert made
        assert (result.artifact_id, result.artifact_type, result.handoff_type) == (
            made["id"],
            made["artifact_type"],
            kind,
        )


async def test_a_completed_execution_has_a_result_for_every_step_and_stays_so_beside_a_new_one(api: Stage) -> None:
    project_id = await finished(api)
    first = await first_execution(api, project_id)
    again = await execute(api, project_id)
    await api.shown()
    done, new = await progress(api, first), await progress(api, again)
    assert (done.status, done.progress, done.current_step) == ("completed", 100, "deployer")
    assert list(done.results) == ["analyst", "architect", "coder", "tester", "deployer"]
    assert (new.status, new.progress, new.results) == ("started", 0, {})


async def test_a_step_that_was_rejected_is_done_again_and_counts_once(api: Stage) -> None:
    project_id = await created(api)
    execution_id = await first_execution(api, project_id)
    for count, (action, percent) in enumerate((("reject", 0), ("approve", 20)), start=1):
        task = await newest_task(api, project_id, count)
        await api.tell(project_id, *work(task, "software_specification", SPECIFICATION, awaits_review=True))

        async def is_asked() -> bool:
            return bool((await api.get(f"/api/v1/hitl/project/{project_id}/requests"))["pending_count"])

        await eventually(is_asked)
        (request,) = [
            one
            for one in (await api.get(f"/api/v1/hitl/project/{project_id}/requests"))["requests"]
            if one["status"] == "pending"
        ]
        await api.post(
            f"/api/v1/hitl/{request['request_id']}/respond", {"action": action, "response_content": "smaller"}
        )
        found = await progress(api, execution_id, "idea-to-software")
        assert (found.status, found.progress, len(found.results)) == ("running", percent, percent // 20)


async def test_a_forced_completion_gives_100_also_after_the_project_is_opened_again(api: Stage) -> None:
    project_id = await created(api, workflow_id="prototype")
    execution_id = await first_execution(api, project_id)
    await play(api, project_id, 1)
    await newest_task(api, project_id, 2)
    await api.post(f"/api/v1/projects/{project_id}/force-complete")
    forced = await progress(api, execution_id)
    assert (forced.status, forced.progress, list(forced.results)) == ("completed", 100, ["analyst"])
    again = await execute(api, project_id)
    reopened, new = await progress(api, execution_id), await progress(api, again)
    assert (reopened.status, reopened.progress) == ("completed", 100)
    assert (new.status, new.progress) == ("started", 0)


async def test_a_cancelled_project_fails_its_execution_and_a_paused_one_says_so(api: Stage) -> None:
    project_id = await created(api, workflow_id="prototype")
    execution_id = await first_execution(api, project_id)
    assert not (await progress(api, execution_id)).paused
    await api.post(f"/api/v1/projects/{project_id}/pause")
    assert (await progress(api, execution_id)).paused
    await api.post(f"/api/v1/projects/{project_id}/cancel", {})
    found = await progress(api, execution_id)
    assert (found.status, found.progress, found.paused) == ("failed", 0, False)


async def test_an_execution_is_shown_under_its_own_workflow_alone(api: Stage) -> None:
    project_id = await created(api, workflow_id="prototype")
    execution_id = await first_execution(api, project_id)
    await refused(api, "GET", f"{WORKFLOWS}/idea-to-software/status/{execution_id}", 404)


async def estimate(api: Stage, position: int, *steps: str, tenant: str | None = "default") -> int:
    """Ask how long these steps of a prototype take, at 60 s for one without history."""
    statement = READS["estimated_duration"]
    return int(await api.host.pool.fetchval(statement, "prototype", tenant, position, list(steps), 60))


async def test_a_step_is_estimated_by_the_mean_of_its_completed_tasks_and_else_by_the_default(api: Stage) -> None:
    for seconds in (10, 21):
        project_id = await created(api, workflow_id="prototype")
        await play(api, project_id, 1)
        await newest_task(api, project_id, 2)
        await api.host.pool.execute(
            "UPDATE tasks SET updated_at = created_at + make_interval(secs => $2)"
            " WHERE project_id = $1 AND status = 'completed'",
            UUID(project_id),
            seconds,
        )
    head = await api.head()
    assert await estimate(api, head, "analyst") == 16  # 15.5, rounded
    assert await estimate(api, head, "analyst", "architect", "coder") == 16 + 60 + 60
    assert await estimate(api, head, "analyst", tenant="another") == 60
    assert await estimate(api, head, "analyst", tenant=None) == 16
    first = await api.host.pool.fetchval("SELECT min(position) FROM tasks WHERE status = 'completed'")
    assert await estimate(api, first, "analyst") == 10
    assert await estimate(api, first - 1, "analyst") == 60


async def test_an_estimate_is_a_second_at_least(api: Stage) -> None:
    project_id = await finished(api)
    answer = await api.post(f"{WORKFLOWS}/prototype/execute", {"project_id": project_id}, status=202)
    assert 1 <= answer["estimated_duration"] <= 10


async def test_every_team_is_listed_and_fetched(api: Stage) -> None:
    listed = rest.TeamList.model_validate(await api.get(TEAMS))
    (summary,) = listed.teams
    assert (summary.id, sorted(summary.agents)) == ("full-team", AGENTS)
    assert summary.compatibility == ["idea-to-software", "prototype"]
    found = rest.TeamView.model_validate(await api.get(f"{TEAMS}/full-team"))
    assert summary.model_dump() == found.model_dump(include=set(summary.model_dump()))
    assert found.workflows == ["idea-to-software", "prototype"]
    assert found.capabilities == list(OUTPUTS)
    assert found.description


async def test_a_team_is_compared_with_a_workflow(api: Stage) -> None:
    answer = await api.post(f"{TEAMS}/full-team/validate", {"workflow_id": "prototype"})
    assert answer == {"compatible": True, "warnings": [], "recommendations": []}


async def test_a_team_cannot_be_compared_with_a_workflow_that_does_not_exist(api: Stage) -> None:
    path = f"{TEAMS}/full-team/validate"
    assert pointers(await refused(api, "POST", path, 404, {"workflow_id": "none"})) == ["/workflow_id"]
    assert pointers(await refused(api, "POST", path, 422, {"workflow_id": "No Id"})) == ["/workflow_id"]
    assert pointers(await refused(api, "POST", path, 422, {})) == ["/workflow_id"]


async def test_the_status_waits_for_a_position_that_is_asked_for(api: Stage) -> None:
    execution_id = await first_execution(api, await created(api, workflow_id="prototype"))
    path, head = f"{WORKFLOWS}/prototype/status/{execution_id}", await api.head()
    found = await api.get(f"{path}?min_position={head}")
    assert datetime.fromisoformat(found["started_at"]).tzinfo
    await refused(api, "GET", f"{path}?min_position={head + 1000}", 503)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
async def test_an_execution_is_found_by_index_among_thousands(database: str, mode: str) -> None:
    async with open_log(database) as log:
        await log.append(command(PROJECT, *short_story()))
        await multiply(log.pool, 3_000)
        await log.pool.execute("SELECT project_range(0, position) FROM log_head")
        await log.pool.execute("ANALYZE")
        execution_id = await log.pool.fetchval("SELECT id FROM workflow_executions ORDER BY id DESC LIMIT 1")
        async with log.pool.acquire() as connection:
            await connection.execute(f"SET plan_cache_mode = {mode}")
            asked = f"EXPLAIN (FORMAT JSON) {READS['execution_view']}"
            plan = await connection.fetchval(asked, execution_id, "two-steps", "t")
    assert "Index Scan" in plan
    assert "Seq Scan" not in plan
