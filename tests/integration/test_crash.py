"""`baton up` is killed with -9 again and again in the middle of a project; nothing is lost, nothing happens twice."""

import asyncio
import os
import random
import time
from collections import Counter
from pathlib import Path

import aiohttp
import asyncpg

from baton_cli.postgres import EmbeddedPostgres
from support.services import Processes, User, free_port

SOAK = bool(os.environ.get("BATON_SOAK"))
KILLS = 10 if SOAK else 3
SEED = int(os.environ.get("BATON_SEED", time.time_ns() % 1_000_000))
ONCE = ("project_created", "workflow_started", "project_completed", "artifacts_generated")


async def advance(user: User, project_id: str, deadline: float) -> bool:
    """Approve what waits until the deadline; tell whether the project has ended with its bundle."""
    while time.monotonic() < deadline:
        try:
            completion = await user.ask("GET", f"/projects/{project_id}/completion")
            if completion["artifacts_available"]:
                return True
            await user.approve_all(project_id)
        except (aiohttp.ClientError, AssertionError):
            pass  # it is not up yet, or it was told the same before
        await asyncio.sleep(0.03)
    return False


async def test_ten_kills_cost_time_and_nothing_else(tmp_path: Path) -> None:
    """Three kills here, ten with BATON_SOAK=1 (`make soak`); the seed is printed."""
    chance = random.Random(SEED)  # noqa: S311 - a schedule, not a secret
    print(f"BATON_SEED={SEED}")
    port, data = free_port(), tmp_path / "data"
    processes = Processes(tmp_path, {})
    command = ("baton_cli", "up", "--port", str(port), "--data-dir", str(data))
    async with aiohttp.ClientSession() as session:
        user = User(f"http://127.0.0.1:{port}", session)
        baton = processes.start(*command)
        try:
            await user.ready()
            project_id = await user.create()
            for _ in range(KILLS):
                await advance(user, project_id, time.monotonic() + chance.uniform(0, 1))
                baton.kill()
                baton.wait(10)
                baton = processes.start(*command)
                await asyncio.sleep(chance.choice((0, 0.3, 0.6)))
                if chance.random() < 0.7:  # else it is killed while it starts
                    await user.ready()
            await user.ready()
            assert await advance(user, project_id, time.monotonic() + 30)
            project = await user.ask("GET", f"/projects/{project_id}")
        finally:
            statuses = processes.stop()
            print(processes.output())
    assert project["status"] == "completed"
    assert statuses[-1] == 0
    await check_effects(data / "postgres")


async def check_effects(directory: Path) -> None:
    """Every handoff has one effect in the log, whose positions and versions are dense."""
    with EmbeddedPostgres(directory) as dsn:
        connection = await asyncpg.connect(dsn)
        rows = await connection.fetch("SELECT event_type, payload, position, version FROM event_log ORDER BY position")
        finished = await connection.fetch(
            """SELECT t.payload ->> 'step_id' AS step, count(*) FROM event_log t JOIN event_log d
                   ON d.payload ->> 'task_id' = t.payload ->> 'task_id'
                      AND d.event_type IN ('task_complete', 'task_failed')
                WHERE t.event_type = 'task_created' GROUP BY 1"""
        )
        await connection.close()
    counted = Counter(row["event_type"] for row in rows)
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    assert {name: counted[name] for name in ONCE} == dict.fromkeys(ONCE, 1)
    assert (counted["task_created"], counted["hitl_request"], counted["hitl_response"]) == (5, 2, 2)
    assert {row["step"]: row["count"] for row in finished} == dict.fromkeys(
        ("analyst", "architect", "coder", "tester", "deployer"), 1
    )
