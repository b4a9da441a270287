"""What is asked of a service: one class a command, answered by its owner alone."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from baton_contracts.events import Action
from baton_contracts.handoffs import HandoffSchema, Json


class Command(BaseModel):
    """A request to one project's owner; `owner` is the service (and queue) that decides it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    command_type: ClassVar[str]
    owner: ClassVar[str]
    project_id: UUID


class CreateProject(Command):
    """Start a project from an idea."""

    command_type: ClassVar[str] = "create_project"
    owner: ClassVar[str] = "orchestrator"
    name: str
    product_idea: str
    tenant: str
    workflow_id: str
    team_id: str | None = None


class ExecuteWorkflow(Command):
    """Run a further workflow in a project."""

    command_type: ClassVar[str] = "execute_workflow"
    owner: ClassVar[str] = "orchestrator"
    workflow_id: str
    context: Json
    parameters: Json


class PauseProject(Command):
    """Begin nothing new in a project."""

    command_type: ClassVar[str] = "pause_project"
    owner: ClassVar[str] = "orchestrator"


class ResumeProject(Command):
    """Go on in a project that was paused."""

    command_type: ClassVar[str] = "resume_project"
    owner: ClassVar[str] = "orchestrator"


class CancelProject(Command):
    """End a project without its result."""

    command_type: ClassVar[str] = "cancel_project"
    owner: ClassVar[str] = "orchestrator"
    reason: str


class ForceComplete(Command):
    """End a project with the result that it has."""

    command_type: ClassVar[str] = "force_complete"
    owner: ClassVar[str] = "orchestrator"


class CheckCompletion(Command):
    """Look whether a project is complete, and complete it where only the word is missing."""

    command_type: ClassVar[str] = "check_completion"
    owner: ClassVar[str] = "orchestrator"


class RetryTask(Command):
    """Do a failed task again."""

    command_type: ClassVar[str] = "retry_task"
    owner: ClassVar[str] = "orchestrator"
    task_id: UUID


class ResetAgent(Command):
    """Set an agent back to idle and have what it holds done again, for one tenant or for all.

    `project_id` is the system stream.
    """

    command_type: ClassVar[str] = "reset_agent"
    owner: ClassVar[str] = "orchestrator"
    agent_type: str
    tenant: str | None = None


class ReplaceRunner(Command):
    """Whoever worked on this attempt does not any more: dispatch the task again."""

    command_type: ClassVar[str] = "replace_runner"
    owner: ClassVar[str] = "orchestrator"
    task_id: UUID
    attempt: int
    runner_id: UUID
    reason: str = "its runner is gone"


class StartTask(Command):
    """Take up a handoff: what a delivery from an agent's queue amounts to."""

    command_type: ClassVar[str] = "start_task"
    owner: ClassVar[str] = "agent-runner"
    task_id: UUID
    attempt: int
    runner_id: UUID
    handoff: HandoffSchema


class Respond(Command):
    """Give a person's decision on a request."""

    command_type: ClassVar[str] = "respond"
    owner: ClassVar[str] = "hitl"
    request_id: UUID
    action: Action
    response: str


class Expire(Command):
    """Answer a request whose deadline has passed as its workflow says."""

    command_type: ClassVar[str] = "expire"
    owner: ClassVar[str] = "hitl"
    request_id: UUID


class GenerateArtifacts(Command):
    """Bundle a project's artifacts into a ZIP."""

    command_type: ClassVar[str] = "generate_artifacts"
    owner: ClassVar[str] = "artifacts"


class CleanArtifacts(Command):
    """Remove a project's bundles from the object store."""

    command_type: ClassVar[str] = "clean_artifacts"
    owner: ClassVar[str] = "artifacts"


class CleanOldArtifacts(Command):
    """Remove all bundles that are older than so many hours, of one tenant or of all.

    `project_id` is the system stream.
    """

    command_type: ClassVar[str] = "clean_old_artifacts"
    owner: ClassVar[str] = "artifacts"
    max_age_hours: float
    tenant: str | None = None


COMMANDS: Final[Mapping[str, type[Command]]] = {
    command.command_type: command
    for command in (
        CreateProject,
        ExecuteWorkflow,
        PauseProject,
        ResumeProject,
        CancelProject,
        ForceComplete,
        CheckCompletion,
        RetryTask,
        ResetAgent,
        ReplaceRunner,
        StartTask,
        Respond,
        Expire,
        GenerateArtifacts,
        CleanArtifacts,
        CleanOldArtifacts,
    )
}


class Refused(Exception):
    """The owner said no: `status` is the HTTP status of its problem document, `detail` says what to do.

    `pointer` is the field of the request that it is about, as a JSON pointer, where it is about one; `extra` holds
    further members of the document (RFC 9457 extensions).
    """

    def __init__(
        self, status: int, title: str, detail: str, pointer: str = "", extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.pointer = pointer
        self.extra = dict(extra or {})

    def problem(self) -> "Problem":
        """Return it in the form in which it travels."""
        return Problem(status=self.status, title=self.title, detail=self.detail, pointer=self.pointer, extra=self.extra)


class Problem(BaseModel):
    """A refusal on its way back (RFC 9457 members)."""

    status: int
    title: str
    detail: str
    pointer: str = ""
    extra: dict[str, Any] = Field(default_factory=dict)

    def refusal(self) -> Refused:
        """Return it as the error that it came from."""
        return Refused(self.status, self.title, self.detail, self.pointer, self.extra)


KEY_REUSED: Final = Problem(
    status=422,
    title="Idempotency key reused",
    detail="This Idempotency-Key was used for another request; choose a new one for a new request.",
)


class CommandReply(BaseModel):
    """The owner's answer: either a result with the log position that shows it, or a problem."""

    position: int = 0
    result: dict[str, object] | None = None
    problem: Problem | None = None
