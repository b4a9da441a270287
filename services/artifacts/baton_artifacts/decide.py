"""What generating a bundle means for a project, and what cleaning up: whether there is anything new to say.

Building is I/O, so a bundle is built first and recorded after. `record` proves that what was built is still what
the project holds: a bundle of anything else, or one that was cleaned up meanwhile, is `Stale`, is never recorded, and
is built again. Removing is the same: bundles go first, all or the old ones, and `record_cleaning` proves that those
which stand are still those among which they were chosen.
"""

import math
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from baton_contracts.commands import Command, Problem, Refused
from baton_contracts.events import (
    Artifact,
    ArtifactsCleaned,
    ArtifactsGenerated,
    BundledFile,
    OldArtifactsCleaned,
    ProjectCreated,
)
from baton_contracts.project import Project
from baton_contracts.routes import ARTIFACTS

_OLDEST_HOURS: Final = 1e6  # a century: whatever is older than more than that is not there, and no date ends


class Sources(BaseModel):
    """All that a bundle is made from; equal sources make equal bundles. `outputs` and `agents` are by handoff type."""

    model_config = ConfigDict(frozen=True)
    project_id: UUID
    created: ProjectCreated
    workflow_ids: tuple[str, ...]
    outputs: dict[str, Artifact]
    agents: dict[str, str]


class RecordBundle(Command):
    """A bundle stands in the object store: say so. It never travels over the bus."""

    command_type: ClassVar[str] = "record_bundle"
    owner: ClassVar[str] = ARTIFACTS
    sources: Sources
    sha256: str
    size: int
    files: tuple[BundledFile, ...]
    was_named: bool = False  # the log named this very bundle when building began


class RefuseBundle(Command):
    """A bundle cannot be built: answer so. It never travels over the bus."""

    command_type: ClassVar[str] = "refuse_bundle"
    owner: ClassVar[str] = ARTIFACTS
    problem: Problem


class RecordCleaning(Command):
    """Of the bundles that stood, these are removed from the object store: say so. It never travels over the bus."""

    command_type: ClassVar[str] = "record_cleaning"
    owner: ClassVar[str] = ARTIFACTS
    bundles: dict[str, int]  # sizes by sha256
    standing: tuple[ArtifactsGenerated, ...]


class BeginSweep(Command):
    """Settle what counts as old for a clean-up that begins `now`. It never travels over the bus."""

    command_type: ClassVar[str] = "begin_sweep"
    owner: ClassVar[str] = ARTIFACTS
    max_age_hours: float
    now: datetime


class RecordSweep(Command):
    """The old bundles of all projects are removed: say so. It never travels over the bus."""

    command_type: ClassVar[str] = "record_sweep"
    owner: ClassVar[str] = ARTIFACTS
    max_age_hours: float
    cleaned_files: int
    freed_bytes: int


class AnswerAgain(Command):
    """A message was settled before: its stored answer stands. It never travels over the bus."""

    command_type: ClassVar[str] = "answer_again"
    owner: ClassVar[str] = ARTIFACTS


class Stale(Exception):
    """The project changed while its bundle was built or removed; nothing is recorded, and it is done again."""


def unknown(project_id: UUID) -> Refused:
    """Return the refusal of what is asked of no project."""
    return Refused(404, "Unknown project", f"There is no project {project_id}; check the id.")


def sources_of(project_id: UUID, state: Project) -> Sources:
    """Return what to bundle. Raises `Refused` where there is no such project (404) or nothing yet (409)."""
    if state.created is None:
        raise unknown(project_id)
    outputs = state.outputs()
    if not outputs:
        after = "Try again after the first has." if state.status == "active" else f"The project is {state.status}."
        raise Refused(409, "Nothing to bundle", f"There is nothing to bundle: no agent has finished its work. {after}")
    completed = [task for task in state.tasks.values() if task.status == "completed"]
    return Sources(
        project_id=project_id,
        created=state.created,
        workflow_ids=tuple(dict.fromkeys(run.started.workflow_id for run in state.executions.values())),
        outputs=outputs,
        agents={task.artifact.handoff_type: task.created.agent_type for task in completed if task.artifact},
    )


def record(state: Project, built: RecordBundle) -> tuple[ArtifactsGenerated, ...]:
    """Return the event that names the bundle, or none where the log names this very one. Raises `Stale`."""
    if sources_of(built.project_id, state) != built.sources:
        raise Stale("The outputs changed while they were bundled; nothing was recorded and they are bundled again")
    if built.was_named and built.sha256 not in named(state):
        raise Stale("The bundle was cleaned up while it was built; nothing was recorded and it is built again")
    if state.bundle and state.bundle.sha256 == built.sha256:
        return ()
    return (ArtifactsGenerated(sha256=built.sha256, size=built.size, of_version=state.version, files=built.files),)


def named(state: Project) -> dict[str, int]:
    """Return the sizes in bytes of the bundles that the log names and that were not cleaned up, by sha256."""
    return {bundle.sha256: bundle.size for bundle in state.bundles}


def refuse(command: RefuseBundle) -> Refused:
    """Return the refusal that building ran into."""
    return Refused(command.problem.status, command.problem.title, command.problem.detail)


def result_of(built: RecordBundle) -> dict[str, object]:
    """Return the contract's answer to whoever asked for the bundle."""
    return {"artifacts_generated": len(built.files), "zip_created": True, "download_available": True}


def record_cleaning(state: Project, cleaned: RecordCleaning) -> tuple[ArtifactsCleaned, ...]:
    """Return the event that says what was removed, or none where nothing was. Raises `Stale`, or `Refused` (404)."""
    if state.created is None:
        raise unknown(cleaned.project_id)
    if state.bundles != cleaned.standing:
        raise Stale("The bundles changed while they were removed; nothing was recorded and they are removed again")
    if not cleaned.bundles:
        return ()
    return (ArtifactsCleaned(sha256s=tuple(cleaned.bundles), freed_bytes=sum(cleaned.bundles.values())),)


def result_of_cleaning(cleaned: RecordCleaning) -> dict[str, object]:
    """Return the contract's answer to whoever had the bundles removed."""
    freed = sum(cleaned.bundles.values())
    return {"cleaned_files": len(cleaned.bundles), "status": "success", "freed_bytes": freed}


def old_before(begun: BeginSweep) -> datetime:
    """Return the moment before which a bundle is old. Raises `Refused` (422) for an age that is no age."""
    if not 0 <= begun.max_age_hours < math.inf:
        detail = "The age is a number of hours, 0 or more."
        raise Refused(422, "Unfit age", detail, "/max_age_hours")
    return begun.now - timedelta(hours=min(begun.max_age_hours, _OLDEST_HOURS))


def record_sweep(swept: RecordSweep) -> OldArtifactsCleaned:
    """Return the event that says what a clean-up of all projects removed, be it nothing: somebody asked for it."""
    return OldArtifactsCleaned(
        max_age_hours=swept.max_age_hours, cleaned_files=swept.cleaned_files, freed_bytes=swept.freed_bytes
    )


def result_of_sweep(swept: RecordSweep) -> dict[str, object]:
    """Return the contract's answer to whoever had all old bundles removed."""
    return {
        "cleaned_files": swept.cleaned_files,
        "freed_space_mb": round(swept.freed_bytes / 1e6, 2),
        "freed_bytes": swept.freed_bytes,
    }
