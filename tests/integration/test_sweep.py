"""Cleaning up the old bundles of all projects: which are old, what is counted, and what an interruption changes."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pytest

from baton_artifacts import sweep as sweeping
from baton_contracts.commands import CleanArtifacts, CleanOldArtifacts, CommandReply
from baton_contracts.events import ArtifactsCleaned, ArtifactsGenerated, OldArtifactsCleaned
from baton_contracts.ids import SYSTEM_STREAM, derive_id
from baton_contracts.routes import ARTIFACTS
from baton_eventlog.append import Append
from baton_runtime.blobs import BlobStore, BlobsUnavailable
from support.artifacts import RESULT, Place, served
from support.bundles import CODE, CREATED, finished, made

PROJECTS: Final = [derive_id(SYSTEM_STREAM, f"project {n}") for n in range(7)]


async def sweep(
    place: Place, hours: float = 0, message_id: UUID | None = None, tenant: str | None = None
) -> CommandReply:
    """Have all bundles removed that are older than so many hours."""
    command = CleanOldArtifacts(project_id=SYSTEM_STREAM, max_age_hours=hours, tenant=tenant)
    return await place.send(command, message_id or uuid4())


async def begin(place: Place, before: datetime) -> UUID:
    """Have a sweep begun, of what is older than a moment; return the id under which it goes on."""
    command = CleanOldArtifacts(project_id=SYSTEM_STREAM, max_age_hours=0)
    begun = Append(
        project_id=SYSTEM_STREAM,
        consumer=ARTIFACTS,
        events=[],
        expected=None,
        actor="tester",
        message_id=derive_id(message_id := uuid4(), "begin"),
        request_hash=hashlib.sha256(command.model_dump_json().encode()).hexdigest(),
        reply=f'{{"result": {{"before": "{before.isoformat()}"}}, "problem": null}}',
    )
    await place.host.appender.append([begun])
    return message_id


async def another(place: Place, text: str) -> ArtifactsGenerated:
    """Change the code of the first project and return its new bundle."""
    code = CODE | {"files": [{"path": "app.py", "content": text}]}
    await place.append(*made("code_package", code, PROJECTS[0]), project_id=PROJECTS[0])
    await place.generate(project_id=PROJECTS[0])
    return (await place.bundles(PROJECTS[0]))[-1]


async def now(place: Place) -> datetime:
    """Return a moment after all events so far, and before all that come."""
    moment = await place.host.pool.fetchval("SELECT clock_timestamp()")
    assert isinstance(moment, datetime)
    return moment


async def bundled(place: Place, count: int) -> list[ArtifactsGenerated]:
    """Make projects with a bundle each, which the tables show."""
    made = [await place.bundled(project_id) for project_id in PROJECTS[:count]]
    await place.project()
    return made


def answer(bundles: list[ArtifactsGenerated]) -> dict[str, object]:
    """Return the answer to a sweep that removed these bundles."""
    freed = sum(bundle.size for bundle in bundles)
    return {"cleaned_files": len(bundles), "freed_space_mb": round(freed / 1e6, 2), "freed_bytes": freed}


async def test_every_old_bundle_is_removed_page_by_page_and_the_sum_is_in_the_log(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "_PAGE", 3)
    async with served(database, tmp_path) as place:
        bundles = await bundled(place, 7)
        reply = await sweep(place, message_id=(message_id := uuid4()))
        assert reply.result == answer(bundles)
        assert not any(place.blob(bundle.sha256).exists() for bundle in bundles)
        (event,) = await place.events(SYSTEM_STREAM)
        freed = sum(bundle.size for bundle in bundles)
        assert event.payload == OldArtifactsCleaned(max_age_hours=0, cleaned_files=7, freed_bytes=freed)
        assert (event.actor, event.causation_id, event.position) == ("tester", message_id, reply.position)
        for project_id, bundle in zip(PROJECTS, bundles, strict=True):
            last = (await place.events(project_id))[-1]
            assert last.payload == ArtifactsCleaned(sha256s=(bundle.sha256,), freed_bytes=bundle.size)
            assert (last.actor, last.causation_id, last.correlation_id) == ("tester", message_id, message_id)


async def test_a_bundle_that_is_not_that_old_stays_and_that_nothing_was_cleaned_is_logged(
    database: str, tmp_path: Path
) -> None:
    async with served(database, tmp_path) as place:
        (bundle,) = await bundled(place, 1)
        assert (await sweep(place, 1)).result == answer([])
        assert place.blob(bundle.sha256).exists()
        (told,) = await place.told(OldArtifactsCleaned, SYSTEM_STREAM)
        assert (told.max_age_hours, told.cleaned_files, told.freed_bytes) == (1, 0, 0)


async def test_a_new_bundle_of_an_old_project_stays(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        (bundle,) = await bundled(place, 1)
        await place.host.pool.execute("UPDATE projects SET created_at = created_at - interval '2 hours'")
        assert (await sweep(place, 1)).result == answer([])
        assert place.blob(bundle.sha256).exists()


async def test_an_old_bundle_goes_and_the_newer_one_of_the_same_project_stays_and_is_shown(
    database: str, tmp_path: Path
) -> None:
    async with served(database, tmp_path) as place:
        (old,) = await bundled(place, 1)
        older = await another(place, "older")
        moment = await now(place)
        new = await another(place, "new")
        await place.project()
        assert (await sweep(place, message_id=await begin(place, moment))).result == answer([old, older])
        assert [place.blob(bundle.sha256).exists() for bundle in (old, older, new)] == [False, False, True]
        (told,) = await place.told(ArtifactsCleaned, PROJECTS[0])
        assert told == ArtifactsCleaned(sha256s=(old.sha256, older.sha256), freed_bytes=old.size + older.size)
        await place.project()
        assert await place.host.pool.fetchval("SELECT bundle ->> 'sha256' FROM projects") == new.sha256
        assert (await sweep(place, message_id=await begin(place, moment))).result == answer([])
        assert (await sweep(place)).result == answer([new])


async def test_an_old_bundle_whose_content_was_bundled_again_lately_stays(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        await place.append(*finished(project_id=PROJECTS[0]), project_id=PROJECTS[0])
        first, old = await another(place, "first"), await another(place, "old")
        moment = await now(place)
        assert (await another(place, "first")).sha256 == first.sha256
        await place.project()
        assert (await sweep(place, message_id=await begin(place, moment))).result == answer([old])
        assert [place.blob(bundle.sha256).exists() for bundle in (first, old)] == [True, False]


async def test_an_old_bundle_that_is_made_again_while_it_is_removed_is_named_and_not_cleaned(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(database, tmp_path) as place:
        await place.append(*finished(project_id=PROJECTS[0]), project_id=PROJECTS[0])
        first, old = await another(place, "first"), await another(place, "old")
        moment, delete, changes = await now(place), BlobStore.delete, ["first"]
        await place.project()

        async def delete_late(store: BlobStore, sha256: str) -> None:
            await delete(store, sha256)
            if changes:
                await another(place, changes.pop())

        monkeypatch.setattr(BlobStore, "delete", delete_late)
        assert (await sweep(place, message_id=await begin(place, moment))).result == answer([old])
        assert [place.blob(bundle.sha256).exists() for bundle in (first, old)] == [True, False]


async def test_only_the_bundles_of_the_tenant_that_is_named_are_removed(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        (ours,) = await bundled(place, 1)
        created = CREATED.model_copy(update={"tenant": "other"})
        await place.append(created, *finished()[1:], project_id=PROJECTS[1])
        await place.generate(project_id=PROJECTS[1])
        theirs = (await place.bundles(PROJECTS[1]))[-1]
        await place.project()
        assert (await sweep(place, tenant="other")).result == answer([theirs])
        assert [place.blob(bundle.sha256).exists() for bundle in (ours, theirs)] == [True, False]
        await place.project()
        assert (await sweep(place)).result == answer([ours])


async def test_a_project_that_was_cleaned_before_is_not_counted_again(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        bundles = await bundled(place, 2)
        await place.send(CleanArtifacts(project_id=PROJECTS[0]), uuid4())
        assert (await sweep(place)).result == answer(bundles[1:])
        await place.project()
        assert (await sweep(place)).result == answer([])


async def test_a_sweep_that_was_interrupted_goes_on_and_counts_what_it_had_done_before(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(database, tmp_path) as place:
        bundles = await bundled(place, 7)
        delete, tries, late = BlobStore.delete, list[str](), bundles[-1]

        async def delete_with_trouble(store: BlobStore, sha256: str) -> None:
            if sha256 == late.sha256:
                tries.append(sha256)
                if len(tries) == 1:
                    await place.project()
                    raise BlobsUnavailable("The object store failed")
            await delete(store, sha256)

        monkeypatch.setattr(BlobStore, "delete", delete_with_trouble)
        assert (await sweep(place)).result == answer(bundles)
        assert len(tries) == 2
        assert len(await place.told(OldArtifactsCleaned, SYSTEM_STREAM)) == 1


async def test_a_sweep_that_goes_on_keeps_to_the_moment_at_which_it_began(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        old, new = await bundled(place, 2)
        message_id = await begin(place, (await place.events(PROJECTS[1]))[0].timestamp)
        assert (await sweep(place, message_id=message_id)).result == answer([old])
        assert place.blob(new.sha256).exists()


async def test_a_repeat_gives_the_first_answer_and_leaves_what_was_made_since(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        (bundle,) = await bundled(place, 1)
        first = await sweep(place, message_id=(message_id := uuid4()))
        assert (await place.generate(project_id=PROJECTS[0])).result == RESULT
        await place.project()
        assert await sweep(place, message_id=message_id) == first
        assert place.blob(bundle.sha256).exists()


async def test_a_repeat_removes_nothing_that_the_tables_did_not_show_at_first(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        (bundle,) = await bundled(place, 1)
        await place.host.pool.execute("UPDATE projects SET created_at = created_at + interval '2 hours'")
        first = await sweep(place, message_id=(message_id := uuid4()))
        await place.host.pool.execute("UPDATE projects SET created_at = created_at - interval '2 hours'")
        assert await sweep(place, message_id=message_id) == first
        assert place.blob(bundle.sha256).exists()
        assert (await sweep(place)).result == answer([bundle])


async def test_another_age_under_the_same_key_is_refused_and_removes_nothing(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        (bundle,) = await bundled(place, 1)
        first = await sweep(place, 1, message_id := uuid4())
        refused = (await sweep(place, 0, message_id)).problem
        assert refused is not None
        assert (refused.status, refused.title) == (422, "Idempotency key reused")
        assert place.blob(bundle.sha256).exists()
        assert await sweep(place, 1, message_id) == first


async def test_an_age_that_is_no_age_is_refused_and_removes_nothing(database: str, tmp_path: Path) -> None:
    async with served(database, tmp_path) as place:
        (bundle,) = await bundled(place, 1)
        refused = (await sweep(place, -1)).problem
        assert refused is not None
        assert (refused.status, refused.pointer) == (422, "/max_age_hours")
        assert place.blob(bundle.sha256).exists()
        assert await place.events(SYSTEM_STREAM) == []
