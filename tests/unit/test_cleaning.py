"""What cleaning up means: all that the log names goes, it is counted once, and what changed meanwhile is left alone."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from baton_artifacts.decide import (
    BeginSweep,
    RecordBundle,
    RecordCleaning,
    RecordSweep,
    Stale,
    named,
    old_before,
    record,
    record_cleaning,
    record_sweep,
    result_of_cleaning,
    result_of_sweep,
    sources_of,
)
from baton_contracts.commands import Refused
from baton_contracts.events import ArtifactsCleaned, ArtifactsGenerated, OldArtifactsCleaned, WorkflowStarted
from baton_contracts.ids import SYSTEM_STREAM, derive_id
from baton_contracts.project import Project
from support.bundles import CODE, EXECUTION, PROJECT, finished, folded, made

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def bundle(sha256: str, size: int = 10) -> ArtifactsGenerated:
    """Return what the log says of a bundle."""
    return ArtifactsGenerated(sha256=sha256, size=size, of_version=1, files=())


def cleaned(*standing: ArtifactsGenerated, **bundles: int) -> RecordCleaning:
    """Return that these bundles were removed, of those that stood (if not given, they were all)."""
    stood = standing or tuple(bundle(sha256, size) for sha256, size in bundles.items())
    return RecordCleaning(project_id=PROJECT, bundles=bundles, standing=stood)


def built(*, was_named: bool) -> RecordBundle:
    """Return that the bundle `ab` was built from the finished project."""
    sources = sources_of(PROJECT, folded(finished()))
    return RecordBundle(project_id=PROJECT, sources=sources, sha256="ab", size=9, files=(), was_named=was_named)


def test_given_two_bundles_when_both_are_removed_then_the_event_names_both_and_what_they_freed() -> None:
    state = folded([*finished(), bundle("ab", 3), bundle("cd", 4)])
    assert record_cleaning(state, cleaned(ab=3, cd=4)) == (ArtifactsCleaned(sha256s=("ab", "cd"), freed_bytes=7),)
    answer = {"cleaned_files": 2, "status": "success", "freed_bytes": 7}
    assert result_of_cleaning(cleaned(ab=3, cd=4)) == answer


def test_given_two_bundles_when_the_old_one_is_removed_then_the_event_names_it_and_the_other_stands() -> None:
    old, new = bundle("ab", 3), bundle("cd", 4)
    events = record_cleaning(folded([*finished(), old, new]), cleaned(old, new, ab=3))
    assert events == (ArtifactsCleaned(sha256s=("ab",), freed_bytes=3),)
    assert folded([*finished(), old, new, *events]).bundles == (new,)


def test_given_an_old_bundle_that_was_made_again_while_it_was_removed_then_nothing_is_recorded() -> None:
    old, new = bundle("ab"), bundle("cd")
    state = folded([*finished(), old, new, bundle("ab")])
    assert named(state) == named(folded([*finished(), old, new]))
    with pytest.raises(Stale):
        record_cleaning(state, cleaned(old, new, ab=10))


def test_a_bundle_that_was_made_twice_is_one_file() -> None:
    state = folded([*finished(), bundle("ab", 3), bundle("cd", 4), bundle("ab", 3)])
    assert named(state) == {"ab": 3, "cd": 4}


def test_given_no_bundle_when_cleaning_then_nothing_happens() -> None:
    assert record_cleaning(folded(finished()), cleaned()) == ()
    assert result_of_cleaning(cleaned()) == {"cleaned_files": 0, "status": "success", "freed_bytes": 0}


def test_given_a_cleaned_project_when_cleaning_then_nothing_happens() -> None:
    state = folded([*finished(), bundle("ab"), ArtifactsCleaned(sha256s=("ab",), freed_bytes=10)])
    assert record_cleaning(state, cleaned()) == ()


def test_given_a_bundle_that_came_while_others_were_removed_then_nothing_is_recorded() -> None:
    with pytest.raises(Stale):
        record_cleaning(folded([*finished(), bundle("ab"), bundle("cd")]), cleaned(ab=10))


def test_given_bundles_that_somebody_else_removed_meanwhile_then_nothing_is_recorded() -> None:
    with pytest.raises(Stale):
        record_cleaning(folded(finished()), cleaned(ab=10))


def test_a_project_that_nobody_knows_cannot_be_cleaned() -> None:
    with pytest.raises(Refused, match="no project") as refusal:
        record_cleaning(Project(), cleaned())
    assert refusal.value.status == 404


def test_given_a_bundle_that_was_cleaned_up_while_it_was_built_again_then_nothing_is_recorded() -> None:
    state = folded([*finished(), bundle("ab"), ArtifactsCleaned(sha256s=("ab",), freed_bytes=10)])
    with pytest.raises(Stale):
        record(state, built(was_named=True))


def test_given_a_cleaned_bundle_when_it_is_built_again_then_it_is_named_again() -> None:
    state = folded([*finished(), bundle("ab"), ArtifactsCleaned(sha256s=("ab",), freed_bytes=10)])
    assert [event.sha256 for event in record(state, built(was_named=False))] == ["ab"]


@pytest.mark.parametrize("hours", [0, 0.5, 24, 1e6])
def test_a_bundle_is_old_when_it_was_made_that_many_hours_before_now(hours: float) -> None:
    begun = BeginSweep(project_id=SYSTEM_STREAM, max_age_hours=hours, now=NOW)
    assert old_before(begun) == NOW - timedelta(hours=hours)


def test_an_age_beyond_the_calendar_is_a_century() -> None:
    begun = BeginSweep(project_id=SYSTEM_STREAM, max_age_hours=1e300, now=NOW)
    assert old_before(begun) == NOW - timedelta(hours=1e6)


@pytest.mark.parametrize("hours", [-1, -0.001, math.nan, math.inf])
def test_an_age_that_is_no_age_is_refused(hours: float) -> None:
    with pytest.raises(Refused) as refusal:
        old_before(BeginSweep(project_id=SYSTEM_STREAM, max_age_hours=hours, now=NOW))
    assert (refusal.value.status, refusal.value.pointer) == (422, "/max_age_hours")


def test_a_sweep_says_what_it_removed_in_bytes_and_in_megabytes() -> None:
    swept = RecordSweep(project_id=SYSTEM_STREAM, max_age_hours=24, cleaned_files=15, freed_bytes=128_456_789)
    assert record_sweep(swept) == OldArtifactsCleaned(max_age_hours=24, cleaned_files=15, freed_bytes=128_456_789)
    assert result_of_sweep(swept) == {"cleaned_files": 15, "freed_space_mb": 128.46, "freed_bytes": 128_456_789}


def test_of_two_executions_of_a_workflow_the_newest_completed_outputs_are_bundled() -> None:
    again = derive_id(EXECUTION, "again")
    code = CODE | {"files": [{"path": "new.py", "content": "new"}]}
    started = WorkflowStarted(
        execution_id=again, workflow_id="idea-to-software", definition_hash="0" * 64, total_steps=5
    )
    task, complete = made("code_package", code, project_id=again)
    before = folded([*finished(), started])
    after = folded([*finished(), started, task, complete])
    assert sources_of(PROJECT, before) == sources_of(PROJECT, folded(finished()))
    assert sources_of(PROJECT, after).outputs == sources_of(PROJECT, before).outputs | {
        "code_package": after.outputs()["code_package"]
    }
    assert after.outputs()["code_package"].content == code
