"""Cleaning up on a real PostgreSQL and a real object store: asked, repeated, interrupted, overtaken."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from baton_contracts.commands import CleanArtifacts, CommandReply
from baton_contracts.events import ArtifactsCleaned
from baton_contracts.routes import ARTIFACTS
from baton_runtime.blobs import BlobStore, BlobsUnavailable
from baton_runtime.messages import command_message
from support.artifacts import RESULT, Place, served
from support.bundles import CODE, PROJECT, finished, made
from support.stage import stage

NOTHING = {"cleaned_files": 0, "status": "success", "freed_bytes": 0}
NEW_CODE = CODE | {"files": [{"path": "new.py", "content": "new"}]}


async def clean(place: Place, message_id: UUID | None = None) -> CommandReply:
    """Have the project's bundles removed."""
    return await place.send(CleanArtifacts(project_id=PROJECT), message_id or uuid4())


async def test_all_bundles_are_removed_and_named_in_one_event(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        first = await place.bundled()
        await place.append(*made("code_package", NEW_CODE))
        await place.generate()
        second = (await place.bundles())[-1]
        reply = await clean(place)
        freed = first.size + second.size
        last = (await place.events())[-1]
        assert reply.result == {"cleaned_files": 2, "status": "success", "freed_bytes": freed}
        assert last.payload == ArtifactsCleaned(sha256s=(first.sha256, second.sha256), freed_bytes=freed)
        assert (reply.position, last.actor) == (last.position, "tester")
        assert not place.blob(first.sha256).exists()
        assert not place.blob(second.sha256).exists()


async def test_where_there_is_no_bundle_nothing_is_cleaned_and_nothing_is_written(
    database: str, tmp_path: Path
) -> None:
    async with served(database, tmp_path) as place:
        await place.append(*finished())
        assert (await clean(place)).result == NOTHING
        await place.generate()
        await clean(place)
        assert (await clean(place)).result == NOTHING
        assert len(await place.told(ArtifactsCleaned)) == 1


async def test_a_project_that_nobody_knows_is_refused(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        problem = (await clean(place)).problem
        assert problem is not None
        assert problem.status == 404
        assert await place.events() == []


async def test_a_cleaned_bundle_can_be_generated_again_and_downloads_as_the_same_bytes(
    database: str, tmp_path: Path
) -> None:
    async with stage(database, tmp_path) as api:
        position = await api.tell(PROJECT, *finished())
        artifacts = f"/api/v1/artifacts/{PROJECT}"
        await api.shown(position)
        await api.post(f"{artifacts}/generate")
        async with api.client.get(f"{artifacts}/download") as response:
            before = await response.read()
        message = command_message(CleanArtifacts(project_id=PROJECT), uuid4(), "admin")
        reply = CommandReply.model_validate_json((await api.host.bus.request(ARTIFACTS, message, timeout=10)).body)
        assert reply.result == {"cleaned_files": 1, "status": "success", "freed_bytes": len(before)}
        async with api.client.get(f"{artifacts}/download") as response:
            assert response.status == 404
        await api.post(f"{artifacts}/generate")
        async with api.client.get(f"{artifacts}/download") as response:
            assert (response.status, await response.read()) == (200, before)


async def test_a_repeat_gives_the_first_answer_and_leaves_a_bundle_that_was_made_since(
    database: str, tmp_path: Path
) -> None:
    async with served(database, tmp_path) as place:
        bundle = await place.bundled()
        first = await clean(place, message_id := uuid4())
        await place.generate()
        assert await clean(place, message_id) == first
        assert place.blob(bundle.sha256).exists()
        assert len(await place.told(ArtifactsCleaned)) == 1


async def test_a_blob_that_is_gone_already_is_counted_and_is_no_error(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        bundle = await place.bundled()
        place.blob(bundle.sha256).unlink()
        assert (await clean(place)).result == {"cleaned_files": 1, "status": "success", "freed_bytes": bundle.size}


async def test_a_store_that_fails_once_after_it_deleted_delays_the_answer_and_changes_nothing_in_it(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(database, tmp_path) as place:
        bundle = await place.bundled()
        delete, failures = BlobStore.delete, [BlobsUnavailable("The object store failed")]

        async def delete_with_trouble(store: BlobStore, sha256: str) -> None:
            await delete(store, sha256)
            if failures:
                raise failures.pop()

        monkeypatch.setattr(BlobStore, "delete", delete_with_trouble)
        assert (await clean(place)).result == {"cleaned_files": 1, "status": "success", "freed_bytes": bundle.size}
        assert failures == []
        assert len(await place.told(ArtifactsCleaned)) == 1


async def test_a_bundle_that_comes_while_others_are_removed_is_removed_too(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(database, tmp_path) as place:
        await place.bundled()
        delete, changes = BlobStore.delete, made("code_package", NEW_CODE)

        async def delete_late(store: BlobStore, sha256: str) -> None:
            await delete(store, sha256)
            if changes:
                await place.append(*changes)
                changes.clear()
                await place.generate()

        monkeypatch.setattr(BlobStore, "delete", delete_late)
        result = (await clean(place)).result
        assert result
        assert result["cleaned_files"] == 2
        assert not any(place.blob(bundle.sha256).exists() for bundle in await place.bundles())


async def test_a_bundle_that_is_cleaned_up_while_it_is_generated_again_is_there_in_the_end(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(database, tmp_path) as place:
        bundle = await place.bundled()
        put, cleanings = BlobStore.put, [uuid4()]

        async def put_and_lose(store: BlobStore, data: Any) -> tuple[str, int]:  # noqa: ANN401 - as `put` has it
            stored = await put(store, data)
            if cleanings:
                await clean(place, cleanings.pop())
            return stored

        monkeypatch.setattr(BlobStore, "put", put_and_lose)
        assert (await place.generate()).result == RESULT
        assert [one.sha256 for one in await place.bundles()] == [bundle.sha256] * 2
        assert place.blob(bundle.sha256).exists()


async def test_one_message_many_times_is_one_event_and_one_answer(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        await place.bundled()
        message_id = uuid4()
        first, *others = await asyncio.gather(*(clean(place, message_id) for _ in range(8)))
        assert others == [first] * 7
        assert len(await place.told(ArtifactsCleaned)) == 1


async def test_of_many_requests_to_two_replicas_one_cleans_and_the_others_find_nothing(
    database: str, tmp_path: Path
) -> None:
    async with served(database, tmp_path, replicas=2) as place:
        await place.bundled()
        replies = await asyncio.gather(*(clean(place) for _ in range(10)))
        assert sorted(int(str((reply.result or {})["cleaned_files"])) for reply in replies) == [0] * 9 + [1]
        assert len(await place.told(ArtifactsCleaned)) == 1
