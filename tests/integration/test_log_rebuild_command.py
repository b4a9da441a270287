"""`baton log rebuild`, as a person types it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.commands import baton, ended
from support.histories import short_story
from support.logs import Log, command, open_log
from support.stories import PROJECT

CATCH_UP = """
WITH moved AS (UPDATE checkpoints SET position = log_head.position FROM log_head WHERE name = 'projector'
               RETURNING log_head.position)
SELECT project_range(0, position) FROM moved
"""


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    """A log of one completed project, projected."""
    async with open_log(database) as opened:
        await opened.append(command(PROJECT, *short_story()))
        await opened.pool.execute(CATCH_UP)
        yield opened


async def run(log: Log, *arguments: str) -> tuple[int, str, str]:
    process = baton("log", "rebuild", *arguments, environment={"BATON_DATABASE_URL": log.dsn})
    return await asyncio.to_thread(ended, process, 30)


async def test_tables_that_are_right_are_said_to_be(log: Log) -> None:
    status, output, _ = await run(log, "--verify")
    assert (status, output) == (0, "Every table shows what the log says up to position 6.\n")


async def test_verify_names_the_first_differences_and_ends_with_status_1(log: Log) -> None:
    task = await log.pool.fetchval("UPDATE tasks SET status = 'failed' RETURNING id")
    status, output, _ = await run(log, "--verify")
    assert status == 1
    difference, summary = output.splitlines()
    assert difference == f'tasks {task}: status is "failed", the log says "completed"'
    assert summary.startswith("Rows that are not what the log says up to position 6: 1.")
    assert (await run(log, "--verify", "--projection", "projects"))[0] == 0


@pytest.mark.parametrize("arguments", [(), ("--projection", "tasks")])
async def test_a_rebuild_makes_it_right(log: Log, arguments: tuple[str, ...]) -> None:
    await log.pool.execute("UPDATE tasks SET status = 'failed'")
    status, output, _ = await run(log, *arguments)
    assert (status, len(output.splitlines())) == (0, 1)
    assert await log.pool.fetchval("SELECT status FROM tasks") == "completed"


async def test_a_projection_that_is_none_is_one_line_that_names_those_that_are(log: Log) -> None:
    status, output, errors = await run(log, "--projection", "task")
    assert (status, output, len(errors.splitlines())) == (1, "", 1)
    assert "there are agent_status," in errors


async def test_a_directory_without_a_database_is_named(tmp_path: Path) -> None:
    process = baton("log", "rebuild", "--data-dir", str(tmp_path))
    status, _, errors = await asyncio.to_thread(ended, process)
    assert status == 1
    assert str(tmp_path) in errors
