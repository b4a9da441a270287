"""A walk over the whole API with real agents, in one process and in five: every route, every frame type."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from baton_contracts.frames import FRAME_TYPES
from baton_gateway.routes import ROUTES
from support.commands import up
from support.listener import Listener
from support.services import Processes, User, free_port
from support.waiting import eventually

Json = dict[str, Any]
IDEA = "A recipe box where people share recipes with ingredients and rate them"
HOPELESS = "?! 1234"  # there is nothing in it to build, and the analyst says so
SERVICES = ("baton_gateway", "baton_orchestrator", "baton_agent_runner", "baton_artifacts", "baton_hitl")


@dataclass
class Walk:
    """A client that keeps which routes it has seen, and what it was told meanwhile."""

    url: str
    client: aiohttp.ClientSession
    heard: Listener = field(default_factory=lambda: Listener(0))
    seen: set[tuple[str, str]] = field(default_factory=set)

    async def ask(
        self,
        method: str,
        template: str,
        keys: str = "",
        *,
        body: Json | None = None,
        status: int = 200,
        **names: Any,  # noqa: ANN401 - of the path
    ) -> Any:  # noqa: ANN401
        """Call a route with its names filled in; expect a status and, of the contract, these keys."""
        query = names.pop("query", "")
        path = template.format(**names) + query
        async with self.client.request(method, f"{self.url}{path}", json=body) as response:
            text = await response.read()
            assert response.status == status, (method, path, response.status, text[:500])
            self.seen.add((method, template))
            if response.content_type not in {"application/json", "application/problem+json"}:
                return text
            answer = await response.json(content_type=None)
        assert set(keys.split()) <= answer.keys(), (path, answer)
        return answer

    async def get(self, template: str, keys: str = "", **names: Any) -> Any:  # noqa: ANN401
        """Read below /api/v1."""
        return await self.ask("GET", f"/api/v1{template}", keys, **names)

    async def post(self, template: str, keys: str = "", **names: Any) -> Any:  # noqa: ANN401
        """Write below /api/v1."""
        return await self.ask("POST", f"/api/v1{template}", keys, **names)

    async def until_status(self, project_id: str, status: str) -> Json:
        """Wait until a project has a status; give it."""

        async def has_it() -> bool:
            project = await self.get("/projects/{project_id}", project_id=project_id)
            return bool(project["status"] == status)

        await eventually(has_it, seconds=60)
        project: Json = await self.get("/projects/{project_id}", project_id=project_id)
        return project

    async def next_request(self, project_id: str) -> Json:
        """Wait until a person is asked; give the request."""
        found: list[Json] = []

        async def is_asked() -> bool:
            listed = await self.get(
                "/hitl/project/{project_id}/requests", "requests pending_count", project_id=project_id
            )
            found[:] = [one for one in listed["requests"] if one["status"] == "pending"]
            return bool(found)

        await eventually(is_asked, seconds=60)
        return found[0]


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[str]:
    """Run everything in one process; gives its URL."""
    with up("--data-dir", str(tmp_path / "data")) as (url, _):
        yield url


@pytest.fixture
async def spread(database: str, vhost: str, tmp_path: Path) -> AsyncIterator[str]:
    """Run five processes over RabbitMQ; gives the gateway's URL."""
    port = free_port()
    processes = Processes(
        tmp_path,
        {
            "BATON_AUTH": "off",
            "BATON_DATABASE_URL": database,
            "BATON_AMQP_URL": vhost,
            "BATON_PORT": str(port),
            "BATON_DATA_DIR": str(tmp_path),
        },
    )
    for service in SERVICES:
        processes.start(service)
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as session:
            await User(url, session).ready()
        yield url
    finally:
        processes.stop()
        print(processes.output())


async def test_every_route_and_every_frame_type_is_there_in_one_process(embedded: str) -> None:
    await _walk(embedded)


@pytest.mark.rabbitmq
async def test_every_route_and_every_frame_type_is_there_in_five_processes(spread: str) -> None:
    await _walk(spread)


async def _walk(url: str) -> None:
    async with aiohttp.ClientSession() as client:
        walk = Walk(url, client)
        listening = asyncio.create_task(walk.heard.listen(client, url))
        try:
            await _documents(walk)
            project_id = await _a_project(walk)
            await _agents(walk)
            await _workflows(walk, project_id)
            await _artifacts(walk, project_id)
            await _ends(walk)
            await _sockets(walk, project_id)
            wanted = {(route.method, route.path) for route in ROUTES}
            assert wanted - walk.seen == set()
            await eventually(lambda: _all_heard(walk))
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def _all_heard(walk: Walk) -> bool:
    return {frame["event_type"] for frame in walk.heard.heard} == set(FRAME_TYPES)


async def _documents(walk: Walk) -> None:
    await walk.get("/healthz", "api_status db_status celery_status llm_status")
    await walk.ask("GET", "/healthz", "api_status db_status celery_status llm_status")
    await walk.ask("GET", "/livez")
    await eventually(partial(_is_ready, walk))
    for route in ROUTES:  # pages and documents, whatever they are called
        if route.role == "public" and "{" not in route.path:
            await walk.ask(route.method, route.path)


async def _is_ready(walk: Walk) -> bool:
    async with walk.client.get(f"{walk.url}/readyz") as response:
        return response.status == 200


async def _a_project(walk: Walk) -> str:
    """Have one made: paused and resumed on the way, amended once, approved."""
    started = await walk.post("/projects", "project_id status", body={"product_idea": IDEA}, status=201)
    await walk.post("/projects/", "project_id status", body={"product_idea": IDEA, "name": "Spare"}, status=201)
    project_id: str = started["project_id"]
    await walk.get("/projects", "projects next", query="?status=active&limit=1&sort=-created_at")
    await walk.get("/projects/", "projects next")
    await walk.get("/projects/{project_id}", "project_id status tasks artifacts", project_id=project_id)
    await walk.get("/projects/{project_id}/tasks", "tasks", project_id=project_id)
    await walk.get("/projects/{project_id}/events", "events next", project_id=project_id)
    asked = await walk.next_request(project_id)
    inbox = await walk.get("/hitl", "requests", query="?status=pending")
    assert asked["request_id"] in {one["request_id"] for one in inbox["requests"]}
    await walk.post("/projects/{project_id}/pause", project_id=project_id)
    decision = {"action": "amend", "response_content": "Recipes need a photo address too"}
    await walk.post(
        "/hitl/{request_id}/respond", "request_id new_status", request_id=asked["request_id"], body=decision
    )
    lost = await walk.post(
        "/hitl/{request_id}/respond", request_id=asked["request_id"], body={"action": "approve"}, status=409
    )
    assert "amended" in lost["detail"]
    await walk.get("/hitl/{request_id}", "request_id question status", request_id=asked["request_id"])
    checked = await walk.post(
        "/projects/{project_id}/check-completion", "is_complete completion_indicators", project_id=project_id
    )
    assert checked["is_complete"] is False
    await walk.post("/projects/{project_id}/resume", project_id=project_id)
    asked = await walk.next_request(project_id)
    await walk.post("/hitl/{request_id}/respond", request_id=asked["request_id"], body={"action": "approve"})
    await walk.until_status(project_id, "completed")
    completion = await walk.get(
        "/projects/{project_id}/completion",
        "project_id completion_percentage total_tasks completed_tasks artifacts_available",
        project_id=project_id,
    )
    assert (completion["completion_percentage"], completion["total_tasks"], completion["completed_tasks"]) == (
        100,
        5,
        5,
    )
    return project_id


async def _agents(walk: Walk) -> None:
    defined = await walk.get("/agents", "agents")
    assert {"analyst", "architect", "coder", "tester", "deployer"} <= {one["agent_type"] for one in defined["agents"]}
    listed = await walk.get("/agents/status", "agents")
    assert {"agent_type", "status", "last_activity"} <= listed["agents"][0].keys()
    name = {"agent_type": "analyst"}
    await walk.get("/agents/status/{agent_type}", "agent_type status current_task_id last_activity", **name)
    history = await walk.get("/agents/status-history/{agent_type}", "history", **name)
    assert {"status", "timestamp"} <= history["history"][0].keys()
    reset = await walk.post("/agents/status/{agent_type}/reset", "message status", **name)
    assert reset == {"message": "Agent analyst status reset to idle", "status": "idle"}


async def _workflows(walk: Walk, project_id: str) -> None:
    templates = (await walk.get("/workflows/templates", "templates"))["templates"]
    template_id = templates[0]["id"]
    await walk.get("/workflows/templates/{template_id}", "id name content variables sections", template_id=template_id)
    await walk.post(
        "/workflows/templates/{template_id}/render",
        "rendered_content format variables_used",
        template_id=template_id,
        body={"variables": {"name": "value"}, "output_format": "markdown"},
    )
    workflows = (await walk.get("/workflows/workflows", "workflows"))["workflows"]
    assert {"idea-to-software", "prototype"} <= {one["id"] for one in workflows}
    quick = {"workflow_id": "prototype"}
    await walk.get("/workflows/workflows/{workflow_id}", "id name steps handoffs validation_rules", **quick)
    execution = await walk.post(
        "/workflows/workflows/{workflow_id}/execute",
        "execution_id status estimated_duration",
        body={"project_id": project_id, "context": {"audience": "families"}, "parameters": {}},
        status=202,
        **quick,
    )
    assert execution["status"] == "started"
    await walk.until_status(project_id, "completed")
    status = await walk.get(
        "/workflows/workflows/{workflow_id}/status/{execution_id}",
        "execution_id status current_step progress results",
        execution_id=execution["execution_id"],
        **quick,
    )
    assert (status["status"], status["progress"]) == ("completed", 100)
    teams = (await walk.get("/workflows/teams", "teams"))["teams"]
    team = {"team_id": teams[0]["id"]}
    await walk.get("/workflows/teams/{team_id}", "id name agents workflows capabilities", **team)
    await walk.post(
        "/workflows/teams/{team_id}/validate", "compatible warnings recommendations", body=dict(quick), **team
    )


async def _artifacts(walk: Walk, project_id: str) -> None:
    of = {"project_id": project_id}
    made = await walk.post(
        "/artifacts/{project_id}/generate", "artifacts_generated zip_created download_available", **of
    )
    assert made["zip_created"]
    listed = await walk.get("/artifacts/{project_id}/summary", "artifacts", **of)
    assert {"name", "type", "size"} <= listed["artifacts"][0].keys()
    assert (await walk.get("/artifacts/{project_id}/download", **of)).startswith(b"PK")
    assert b"erDiagram" in await walk.get("/artifacts/{project_id}/diagram", **of)
    cleaned = await walk.ask(
        "DELETE", "/api/v1/artifacts/{project_id}/artifacts", "cleaned_files status", project_id=project_id
    )
    assert cleaned["cleaned_files"] >= 1
    await walk.get("/artifacts/{project_id}/download", status=404, **of)
    await walk.ask(
        "DELETE", "/api/v1/artifacts/cleanup-old", "cleaned_files freed_space_mb", body={"max_age_hours": 24}
    )


async def _ends(walk: Walk) -> None:
    """End projects in the other ways: cancelled, failed and tried again, completed by force."""
    cancelled, forced = [
        (await walk.post("/projects", body={"product_idea": IDEA}, status=201))["project_id"] for _ in range(2)
    ]
    await walk.post("/projects/{project_id}/cancel", project_id=cancelled)
    assert (await walk.until_status(cancelled, "failed"))["reason"]
    done = await walk.post("/projects/{project_id}/force-complete", "status artifacts_generated", project_id=forced)
    assert done["status"] == "completed"
    assert (await walk.get("/projects/{project_id}/completion", project_id=forced))["completion_percentage"] == 100
    started = await walk.post("/projects", body={"product_idea": HOPELESS}, status=201)
    failed = await walk.until_status(started["project_id"], "failed")
    retried = await walk.post(
        "/projects/{project_id}/tasks/{task_id}/retry",
        "task_id status",
        project_id=failed["project_id"],
        task_id=failed["tasks"][0]["id"],
    )
    assert retried["status"] == "pending"
    again = await walk.until_status(failed["project_id"], "failed")
    assert again["tasks"][0]["attempt"] == failed["tasks"][0]["attempt"] + 1


async def _sockets(walk: Walk, project_id: str) -> None:
    narrowed = Listener(0, f"/ws/{project_id}")
    head = (await walk.get("/projects/{project_id}/events", project_id=project_id, query="?limit=1000"))["events"]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            await narrowed.listen(walk.client, walk.url, until=head[-1]["position"])
    assert {frame["project_id"] for frame in narrowed.heard} == {project_id}
    ticket = await walk.post("/ws-tickets", "ticket expires_in", status=201)
    async with walk.client.ws_connect(f"{walk.url}/ws", params={"ticket": ticket["ticket"]}) as socket:
        assert (await socket.receive_json(timeout=10))["event_type"] == "caught_up"
    walk.seen |= {("GET", "/ws"), ("GET", "/ws/{project_id}")}
