"""Cleaning up bundles over REST: of one project, and of all that are old."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from baton_contracts.rest_lifecycle import MAX_HOURS, BundlesCleaned, OldBundlesCleaned
from support.api import asked, created
from support.stage import Stage, stage
from support.waiting import eventually

OLD = "/api/v1/artifacts/cleanup-old"


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path) as open_stage:
        yield open_stage


async def delete(api: Stage, path: str, body: object = None, *, status: int = 200) -> Any:  # noqa: ANN401 - any JSON
    async with api.client.delete(path, json=body) as response:
        assert response.status == status, await response.text()
        return await response.json(content_type=None)


async def bundled(api: Stage) -> str:
    """Make a project with a bundle; give its id."""
    project_id = await created(api)
    request = await asked(api, project_id)
    await api.post(f"/api/v1/hitl/{request.request_id}/respond", {"action": "approve"})
    await api.post(f"/api/v1/artifacts/{project_id}/generate")
    return project_id


async def download(api: Stage, project_id: str) -> int:
    async with api.client.get(f"/api/v1/artifacts/{project_id}/download") as response:
        await response.read()
        return response.status


async def test_a_project_s_bundles_are_gone_at_once_and_can_be_generated_again(api: Stage) -> None:
    project_id, other = await bundled(api), await bundled(api)
    path = f"/api/v1/artifacts/{project_id}"
    cleaned = BundlesCleaned.model_validate(await delete(api, f"{path}/artifacts"))
    assert (cleaned.cleaned_files, cleaned.status) == (1, "success")
    assert cleaned.freed_bytes > 0
    assert (await download(api, project_id), await download(api, other)) == (404, 200)
    assert await api.get(f"{path}/summary") == {"artifacts": []}
    again = BundlesCleaned.model_validate(await delete(api, f"{path}/artifacts"))
    assert (again.cleaned_files, again.freed_bytes) == (0, 0)
    await api.post(f"{path}/generate")
    assert await download(api, project_id) == 200


async def test_what_is_old_enough_is_cleaned_up_in_every_project(api: Stage) -> None:
    projects = [await bundled(api) for _ in range(2)]
    kept = OldBundlesCleaned.model_validate(await delete(api, OLD, {"max_age_hours": 24}))
    assert (kept.cleaned_files, kept.freed_space_mb) == (0, 0)
    cleaned = OldBundlesCleaned.model_validate(await delete(api, OLD, {"max_age_hours": 0}))
    assert cleaned.cleaned_files == 2
    assert cleaned.freed_bytes > 0

    async def are_gone() -> bool:
        return [await download(api, project_id) for project_id in projects] == [404, 404]

    await eventually(are_gone)


@pytest.mark.parametrize("hours", [-1, "24", True, None, [], MAX_HOURS + 1, 1e300, 10**30])
async def test_an_age_that_is_none_is_named(api: Stage, hours: object) -> None:
    problem = await delete(api, OLD, {"max_age_hours": hours}, status=422)
    assert [error["pointer"] for error in problem["errors"]] == ["/max_age_hours"]


async def test_an_age_must_be_said(api: Stage) -> None:
    await delete(api, OLD, {}, status=422)
    async with api.client.delete(OLD, data=b"", headers={"Content-Type": "application/json"}) as response:
        assert response.status == 400
    async with api.client.delete(OLD) as response:
        assert response.status == 415


async def test_a_project_that_nobody_made_has_nothing_to_generate_or_to_clean_up(api: Stage) -> None:
    await delete(api, f"/api/v1/artifacts/{uuid4()}/artifacts", status=404)
    await delete(api, "/api/v1/artifacts/nonsense/artifacts", status=422)
    await api.post(f"/api/v1/artifacts/{uuid4()}/generate", status=404)
