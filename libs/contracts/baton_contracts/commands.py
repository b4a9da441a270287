"""What is asked of a service: one class a command, answered by its owner alone."""

from collections.abc import Mapping
from typing import ClassVar, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from baton_contracts.events import Action
from baton_contracts.handoffs import HandoffSchema


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


class ReplaceRunner(Command):
    """The runner of this attempt is gone: dispatch the task again."""

    command_type: ClassVar[str] = "replace_runner"
    owner: ClassVar[str] = "orchestrator"
    task_id: UUID
    attempt: int
    runner_id: UUID


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


COMMANDS: Final[Mapping[str, type[Command]]] = {
    command.command_type: command
    for command in (CreateProject, ReplaceRunner, StartTask, Respond, Expire, GenerateArtifacts)
}


class Refused(Exception):
    """The owner said no: `status` is the HTTP status of its problem document, `detail` says what to do.

    `pointer` is the field of the request that it is about, as a JSON pointer, where it is about one.
    """

    def __init__(self, status: int, title: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.pointer = pointer

    def problem(self) -> "Problem":
        """Return it in the form in which it travels."""
        return Problem(status=self.status, title=self.title, detail=self.detail, pointer=self.pointer)


class Problem(BaseModel):
    """A refusal on its way back (RFC 9457 members)."""

    status: int
    title: str
    detail: str
    pointer: str = ""

    def refusal(self) -> Refused:
        """Return it as the error that it came from."""
        return Refused(self.status, self.title, self.detail, self.pointer)


class CommandReply(BaseModel):
    """The owner's answer: either a result with the log position that shows it, or a problem."""

    position: int = 0
    result: dict[str, object] | None = None
    problem: Problem | None = None
