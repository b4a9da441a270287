"""The artifacts service on a real PostgreSQL and a real object store: asked, told, repeated, disturbed."""

import asyncio
import io
from pathlib import Path
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import pytest

from baton_contracts.commands import Respond
from baton_contracts.routes import ARTIFACTS
from baton_runtime.blobs import BlobStore, BlobsUnavailable
from baton_runtime.bus import DEAD, Delivery
from baton_runtime.messages import command_message, event_message
from support.artifacts import RESULT, served
from support.bundles import CODE, COMPLETED, PROJECT, begun, finished, made
from support.waiting import eventually, until


async def test_a_command_is_answered_when_the_bundle_is_stored_and_named_in_the_log(
    database: str, tmp_path: Path
) -> None:
    async with served(database, tmp_path) as place:
        await place.append(*finished())
        reply = await place.generate()
        last = (await place.events())[-1]
        assert (reply.result, reply.problem, reply.position) == (RESULT, None, last.position)
        (bundle,) = await place.bundles()
        assert (bundle.of_version, last.actor) == (len(finished()), "tester")
        data = place.blob(bundle.sha256).read_bytes()
    with ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [file.name for file in bundle.files]
        assert archive.read("README.md") == b"# From the deployer\n"
    assert bundle.size == len(data)


async def test_a_completed_project_is_bundled_by_itself_and_once(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        await place.append(*finished())
        completed = event_message((await place.events())[-1])
        await place.host.bus.publish([(ARTIFACTS, completed), (ARTIFACTS, completed)])

        async def bundled() -> bool:
            return bool(await place.bundles())

        await eventually(bundled)
        assert (await place.generate()).result == RESULT
        assert len(await place.bundles()) == 1
        assert (await place.events())[-1].causation_id == completed.id


async def test_the_same_message_twice_is_one_event_and_one_answer(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        await place.append(*finished())
        message_id = uuid4()
        first, again = await asyncio.gather(place.generate(message_id), place.generate(message_id))
        await place.append(*made("code_package", CODE | {"files": [{"path": "new.py", "content": "new"}]}))
        later = await place.generate(message_id)
        assert first == again == later
        assert len(await place.bundles()) == 1


async def test_another_request_for_the_same_outputs_makes_no_new_event(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        await place.append(*finished())
        assert [(await place.generate()).result for _ in range(3)] == [RESULT] * 3
        assert len(await place.bundles()) == 1


async def test_new_outputs_make_a_new_bundle(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        await place.append(*finished())
        await place.generate()
        await place.append(*made("code_package", CODE | {"files": [{"path": "new.py", "content": "new"}]}))
        await place.generate()
        before, after = await place.bundles()
        assert "new.py" not in {file.name for file in before.files}
        assert "new.py" in {file.name for file in after.files}
        assert place.blob(after.sha256).exists()


async def test_a_blob_that_went_missing_is_built_again_without_an_event(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        await place.append(*finished())
        await place.generate()
        (bundle,) = await place.bundles()
        whole = place.blob(bundle.sha256).read_bytes()
        place.blob(bundle.sha256).unlink()
        assert (await place.generate()).result == RESULT
        assert place.blob(bundle.sha256).read_bytes() == whole
        assert await place.bundles() == [bundle]


async def test_two_replicas_and_many_requests_write_one_event(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path, replicas=2) as place:
        await place.append(*finished())
        replies = await asyncio.gather(*(place.generate() for _ in range(20)))
        assert [reply.result for reply in replies] == [RESULT] * 20
        assert len(await place.bundles()) == 1


async def test_an_unknown_project_and_an_empty_one_are_refused_and_nothing_is_written(
    database: str, tmp_path: Path
) -> None:
    async with served(database, tmp_path) as place:
        unknown = await place.generate()
        await place.append(*begun())
        early = await place.generate(message_id := uuid4())
        assert unknown.problem is not None
        assert early.problem is not None
        assert (unknown.problem.status, early.problem.status) == (404, 409)
        assert len(await place.events()) == len(begun())
        await place.append(*finished()[len(begun()) :])
        assert await place.generate(message_id) == early


async def test_outputs_that_change_while_they_are_bundled_are_bundled_again(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(database, tmp_path) as place:
        await place.append(*finished())
        put, changes = BlobStore.put, made("code_package", CODE | {"files": [{"path": "new.py", "content": "new"}]})

        async def put_late(store: BlobStore, data: Any) -> tuple[str, int]:  # noqa: ANN401 - as `put` has it
            stored = await put(store, data)
            if changes:
                await place.append(*changes)
                changes.clear()
            return stored

        monkeypatch.setattr(BlobStore, "put", put_late)
        assert (await place.generate()).problem is None
        (bundle,) = await place.bundles()
        assert "new.py" in {file.name for file in bundle.files}


async def test_a_store_that_fails_once_delays_the_answer_and_loses_nothing(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(database, tmp_path) as place:
        await place.append(*finished())
        put, failures = BlobStore.put, [BlobsUnavailable("The object store failed")]

        async def put_with_trouble(store: BlobStore, data: Any) -> tuple[str, int]:  # noqa: ANN401 - as `put` has it
            if failures:
                raise failures.pop()
            return await put(store, data)

        monkeypatch.setattr(BlobStore, "put", put_with_trouble)
        assert (await place.generate()).result == RESULT
        assert len(await place.bundles()) == 1


async def test_a_message_for_somebody_else_ends_with_the_dead_letters(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        await place.append(*finished())
        stray = Respond(project_id=PROJECT, request_id=uuid4(), action="approved", response="")
        message = command_message(stray, uuid4(), "tester")
        dead: list[Delivery] = []
        await place.host.bus.consume(DEAD, dead.append, prefetch=10)
        await place.host.bus.publish([(ARTIFACTS, message)])
        await until(lambda: bool(dead))
        assert dead[0].message.id == message.id
        assert (await place.generate()).result == RESULT


async def test_a_project_completed_by_force_without_any_output_is_settled_and_not_asked_again(
    database: str, tmp_path: Path
) -> None:
    async with served(database, tmp_path) as place:
        await place.append(*begun(), COMPLETED.model_copy(update={"forced": True}))
        completed = event_message((await place.events())[-1])
        assert await place.unsettled() == [completed.id]
        await place.host.bus.publish([(ARTIFACTS, completed)])

        async def is_settled() -> bool:
            return not await place.unsettled()

        await eventually(is_settled)
        assert await place.bundles() == []
