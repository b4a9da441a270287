"""A project that has not changed is neither built nor sent again, and one that has is never shown as it was."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from baton_contracts.events import TaskStart
from baton_gateway.reading import READS
from support.api import created, view
from support.logs import command, open_log
from support.stage import Stage, stage
from support.stories import PROJECT
from support.tales import whole_story


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path) as open_stage:
        yield open_stage


async def read(api: Stage, path: str, known: str | None = None) -> tuple[int, str, bytes]:
    """Read a path with what the client has; give status, ETag and body."""
    headers = {"If-None-Match": known} if known is not None else {}
    async with api.client.get(path, headers=headers) as response:
        assert response.headers["Cache-Control"] == "private, no-cache"
        return response.status, response.headers["ETag"], await response.read()


def at_work(task_id: UUID, attempt: int = 1) -> TaskStart:
    return TaskStart(task_id=task_id, agent_type="analyst", attempt=attempt, runner_id=uuid4(), message="At work")


async def test_what_has_not_changed_is_304_without_a_body_to_whoever_has_it(api: Stage) -> None:
    path = f"/api/v1/projects/{await created(api)}"
    status, tag, body = await read(api, path)
    assert (status, tag[:3], bool(body)) == (200, 'W/"', True)
    strong = tag.removeprefix("W/")
    for known in (tag, strong, f'"other", {tag}', f'W/"x",{strong} , "y"', "*"):
        assert await read(api, path, known) == (304, tag, b"")
    for known in ('"other"', 'W/"other"', "", "nonsense", strong.strip('"'), tag[:-2] + '"'):
        assert await read(api, path, known) == (200, tag, body)


async def test_every_change_gives_another_tag_and_the_changed_project(api: Stage) -> None:
    project_id = await created(api)
    path = f"/api/v1/projects/{project_id}"
    _, tag, body = await read(api, path)
    (task,) = (await view(api, project_id)).tasks
    await api.tell(project_id, at_work(task.id))
    status, after, changed = await read(api, path, tag)
    assert (status, after != tag, changed != body) == (200, True, True)
    assert (await view(api, project_id)).tasks[0].status == "working"
    assert await read(api, path, after) == (304, after, b"")


async def test_another_project_s_event_changes_no_tag(api: Stage) -> None:
    path = f"/api/v1/projects/{await created(api)}"
    _, tag, _ = await read(api, path)
    await created(api)
    assert await read(api, path, tag) == (304, tag, b"")


async def test_a_project_that_does_not_exist_is_404_whatever_the_client_has(api: Stage) -> None:
    async with api.client.get(f"/api/v1/projects/{uuid4()}", headers={"If-None-Match": "*"}) as response:
        assert (response.status, response.headers["Cache-Control"]) == (404, "no-store")


async def test_the_past_is_told_whole(api: Stage) -> None:
    path = f"/api/v1/projects/{await created(api)}"
    async with api.client.get(f"{path}?as_of={await api.head()}", headers={"If-None-Match": "*"}) as response:
        assert (response.status, response.headers["Cache-Control"]) == (200, "no-store")
        assert "ETag" not in response.headers


async def test_who_reads_after_a_write_was_shown_reads_it_however_many_read_meanwhile(api: Stage) -> None:
    project_id = await created(api)
    (task,) = (await view(api, project_id)).tasks
    stop = asyncio.Event()

    async def keep_reading() -> int:
        reads = 0
        while not stop.is_set():
            await view(api, project_id)
            reads += 1
        return reads

    readers = [asyncio.create_task(keep_reading()) for _ in range(8)]
    for attempt in range(1, 25):
        await api.tell(project_id, at_work(task.id, attempt))
        assert (await view(api, project_id)).tasks[0].attempt == attempt
    stop.set()
    assert sum(await asyncio.gather(*readers)) > 24


async def test_both_statements_agree_on_the_version_of_every_prefix_of_a_story(database: str) -> None:
    """What is kept is shown as long as the one says its version, so the other must say another for every change."""
    seen = set[tuple[int, str]]()
    async with open_log(database) as log:
        for payload in whole_story():
            (outcome,) = await log.append(command(PROJECT, payload))
            await log.pool.execute("SELECT project_range($1, $2)", outcome.position - 1, outcome.position)
            row = await log.pool.fetchrow(READS["project_view"], PROJECT, None)
            ((project_id, epoch, version),) = await log.pool.fetch(READS["project_versions"], [PROJECT, uuid4()])
            assert row
            assert (project_id, epoch, version) == (PROJECT, row["epoch"], row["version"])
            seen.add((version, row["body"]))
    assert len(dict(seen)) == len(seen) > 10


async def test_a_position_that_was_used_again_after_a_restore_is_no_version_that_anybody_has(api: Stage) -> None:
    project_id = await created(api)
    path = f"/api/v1/projects/{project_id}"
    _, tag, body = await read(api, path)
    await api.host.pool.execute("UPDATE projects SET name = 'Another'")  # other facts at the same position
    await api.host.pool.execute("UPDATE log_head SET epoch = gen_random_uuid()")
    status, after, restored = await read(api, path, tag)
    assert (status, after != tag, restored != body) == (200, True, True)
    assert (await view(api, project_id)).name == "Another"
    assert await read(api, path, after) == (304, after, b"")


async def test_a_project_that_was_read_before_is_503_while_the_database_is_away(api: Stage) -> None:
    path = f"/api/v1/projects/{await created(api)}"
    await read(api, path)
    api.host.pool.terminate()
    for _ in range(2):
        async with api.client.get(path) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "2")
