"""What generating a bundle means for a project: what goes into it, and whether there is anything new to say.

Building is I/O, so a bundle is built first and recorded after. `record` proves that what was built is still what
the project holds: a bundle of anything else is `Stale`, is never recorded, and is built again.
"""

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from baton_contracts.commands import Command, Problem, Refused
from baton_contracts.events import Artifact, ArtifactsGenerated, BundledFile, ProjectCreated
from baton_contracts.project import Project
from baton_contracts.routes import ARTIFACTS


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


class RefuseBundle(Command):
    """A bundle cannot be built: answer so. It never travels over the bus."""

    command_type: ClassVar[str] = "refuse_bundle"
    owner: ClassVar[str] = ARTIFACTS
    problem: Problem


class Stale(Exception):
    """The project's outputs changed while its bundle was built; the message goes back and is built again."""


def sources_of(project_id: UUID, state: Project) -> Sources:
    """Return what to bundle. Raises `Refused` where there is no such project (404) or nothing yet (409)."""
    if state.created is None:
        raise Refused(404, "Unknown project", f"There is no project {project_id}; check the id.")
    outputs = state.outputs()
    if not outputs:
        detail = "There is nothing to bundle yet: no agent has finished its work. Try again after the first has."
        raise Refused(409, "Nothing to bundle yet", detail)
    completed = [task for task in state.tasks.values() if task.status == "completed"]
    return Sources(
        project_id=project_id,
        created=state.created,
        workflow_ids=tuple(run.started.workflow_id for run in state.executions.values()),
        outputs=outputs,
        agents={task.artifact.handoff_type: task.created.agent_type for task in completed if task.artifact},
    )


def record(state: Project, built: RecordBundle) -> tuple[ArtifactsGenerated, ...]:
    """Return the event that names the bundle, or none where the log names this very one. Raises `Stale`."""
    if sources_of(built.project_id, state) != built.sources:
        raise Stale("The outputs changed while they were bundled; nothing was recorded and they are bundled again")
    if state.bundle and state.bundle.sha256 == built.sha256:
        return ()
    return (ArtifactsGenerated(sha256=built.sha256, size=built.size, of_version=state.version, files=built.files),)


def refuse(command: RefuseBundle) -> Refused:
    """Return the refusal that building ran into."""
    return Refused(command.problem.status, command.problem.title, command.problem.detail)


def result_of(built: RecordBundle) -> dict[str, object]:
    """Return the contract's answer to whoever asked for the bundle."""
    return {"artifacts_generated": len(built.files), "zip_created": True, "download_available": True}
