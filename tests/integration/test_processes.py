"""The real thing: five services as processes, RabbitMQ and PostgreSQL, several copies side by side."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from support.services import QUICK, Processes, User, free_port, run_own_tests

pytestmark = pytest.mark.rabbitmq

SERVICES = (
    "baton_gateway",
    "baton_orchestrator",
    "baton_orchestrator",
    "baton_agent_runner",
    "baton_agent_runner",
    "baton_artifacts",
    "baton_hitl",
)


@pytest.fixture
async def user(database: str, vhost: str, tmp_path: Path) -> AsyncIterator[User]:
    """Start all services, two orchestrators and two runners among them; stop them after."""
    port = free_port()
    settings = {
        "BATON_AUTH": "off",
        "BATON_DATABASE_URL": database,
        "BATON_AMQP_URL": vhost,
        "BATON_PORT": str(port),
        "BATON_DATA_DIR": str(tmp_path),
    }
    processes = Processes(tmp_path, settings)
    for service in SERVICES:
        processes.start(service)
    try:
        async with aiohttp.ClientSession() as session:
            user = User(f"http://127.0.0.1:{port}", session)
            await user.ready()
            yield user
    finally:
        statuses = processes.stop()
        print(processes.output())
    assert statuses == [0] * len(SERVICES)


async def test_a_project_goes_from_idea_to_zip(user: User, tmp_path: Path) -> None:
    """Over real processes and real servers, and what comes out works."""
    project_id = await user.create("A recipe box where people share recipes and rate them")
    project = await user.finished(project_id)
    assert project["status"] == "completed"
    assert [task["agent_type"] for task in project["tasks"]] == [
        "analyst",
        "architect",
        "coder",
        "tester",
        "deployer",
    ]
    run_own_tests(await user.download(project_id, tmp_path / "bundle.zip"), tmp_path / "unzipped")


async def test_many_projects_are_shared_and_nothing_happens_twice(user: User, database: str) -> None:
    """Every handoff takes effect once; both runners and both orchestrators work."""
    projects = await asyncio.gather(*(user.create(workflow_id=QUICK) for _ in range(6)))
    for project_id in projects:
        assert (await user.finished(project_id, 90))["status"] == "completed"
    connection = await asyncpg.connect(database)
    try:
        events = await connection.fetch("SELECT project_id, event_type, payload ->> 'task_id' AS task FROM event_log")
        runners = await connection.fetch(
            "SELECT DISTINCT payload ->> 'runner_id' FROM event_log WHERE event_type = 'task_start'"
        )
    finally:
        await connection.close()
    counted = Counter((row["event_type"], row["task"] or row["project_id"]) for row in events)
    once = {
        "project_created",
        "task_created",
        "task_start",
        "task_complete",
        "project_completed",
        "artifacts_generated",
    }
    assert {key: n for key, n in counted.items() if key[0] in once and n != 1} == {}
    assert Counter(row["event_type"] for row in events)["task_complete"] == 5 * len(projects)
    assert len(runners) == 2
