"""What the gateway is told and what it answers: the bodies of the REST API under `/api/v1`.

Requests refuse fields that they do not know. Answers hold the contract's fields literally, and a few more.
"""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from baton_contracts.definitions import Slug
from baton_contracts.events import Action, ArtifactType
from baton_contracts.texts import LEGIBLE, Idea, Name, Words, legible

DEFAULT_WORKFLOW: Final = "idea-to-software"
_DERIVED_NAME: Final = 60

Verb = Literal["approve", "reject", "amend", "approved", "rejected", "amended"]
_DECISIONS: Final[dict[Verb, Action]] = {
    "approve": "approved",
    "approved": "approved",
    "reject": "rejected",
    "rejected": "rejected",
    "amend": "amended",
    "amended": "amended",
}
_AMENDING: Final[dict[str, Any]] = {
    "if": {"properties": {"action": {"enum": [verb for verb, action in _DECISIONS.items() if action == "amended"]}}},
    "then": {
        "properties": {"response_content": {"type": "string", "pattern": LEGIBLE}},
        "required": ["response_content"],
    },
}


class RequestBody(BaseModel):
    """What a client sends."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewProject(RequestBody):
    """An idea, and how it is to be worked on."""

    product_idea: Idea
    name: Name | None = None
    workflow_id: Slug = DEFAULT_WORKFLOW
    team_id: Slug | None = None

    def title(self) -> str:
        """Return the project's name: the given one, or the idea's first words (60 characters at most)."""
        return self.name or _first_words(self.product_idea)


class HitlAnswer(RequestBody):
    """A person's decision on a request; amending needs the words that are to be followed."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_AMENDING]})

    action: Verb
    response_content: Words | None = Field(default=None, validate_default=True)

    @field_validator("response_content")
    @classmethod
    def _amends_with_words(cls, response: str | None, info: ValidationInfo) -> str | None:
        amends = _DECISIONS.get(info.data.get("action", "reject")) == "amended"
        return legible(response or "") if amends else response

    @property
    def decision(self) -> Action:
        """The action in the past form that events and frames use."""
        return _DECISIONS[self.action]


def _first_words(text: str) -> str:
    """Shorten a text to whole words, where it has any that fit."""
    flat = " ".join(text.split())
    if len(flat) <= _DERIVED_NAME:
        return flat
    words, _, _ = flat[:_DERIVED_NAME].rpartition(" ")
    return f"{(words or flat[: _DERIVED_NAME - 1]).rstrip(' ,;:.-')}\N{HORIZONTAL ELLIPSIS}"


class ProjectStarted(BaseModel):
    """Answer to a new project."""

    project_id: UUID
    status: str


class TaskView(BaseModel):
    """A task, with the contract's columns and more."""

    id: UUID
    project_id: UUID
    agent_type: str
    instructions: str
    status: Literal["pending", "working", "waiting_for_hitl", "completed", "failed"]
    created_at: datetime
    updated_at: datetime
    step_id: str
    attempt: int
    reason: str | None


class ArtifactView(BaseModel):
    """An artifact, with the contract's columns and more."""

    id: UUID
    project_id: UUID
    source_agent: str
    artifact_type: ArtifactType
    content: dict[str, Any]
    task_id: UUID
    created_at: datetime


class ProjectView(BaseModel):
    """A project with all its tasks and artifacts, oldest first."""

    project_id: UUID
    status: Literal["active", "completed", "failed"]
    tasks: list[TaskView]
    artifacts: list[ArtifactView]
    name: str
    product_idea: str
    reason: str | None
    created_at: datetime
    updated_at: datetime
    paused: bool


class TaskList(BaseModel):
    """All tasks of a project, oldest first."""

    tasks: list[TaskView]


class EventView(BaseModel):
    """One event of the log."""

    event_id: UUID
    position: int
    version: int
    event_type: str
    timestamp: datetime
    actor: str
    causation_id: UUID | None
    correlation_id: UUID | None
    payload: dict[str, Any]


class EventPage(BaseModel):
    """Some events of a project, in order; `next` is the `after` of the next page, null at the end."""

    events: list[EventView]
    next: int | None


class CompletionView(BaseModel):
    """How far a project is: steps, not tasks, so that a step done twice counts once."""

    project_id: UUID
    completion_percentage: float = Field(ge=0, le=100)
    total_tasks: int
    completed_tasks: int
    artifacts_available: bool


class HitlAnswered(BaseModel):
    """Answer to a decision; `responded_by` is null in the repeat of an answer that was kept before it said so."""

    request_id: UUID
    new_status: Action
    responded_by: str | None = None


class HitlView(BaseModel):
    """A question to a person, and the answer once there is one."""

    request_id: UUID
    question: str
    status: Literal["pending", "approved", "rejected", "amended"]
    project_id: UUID
    task_id: UUID
    response_content: str | None
    responded_by: str | None
    created_at: datetime
    updated_at: datetime


class HitlList(BaseModel):
    """All questions of a project, oldest first."""

    requests: list[HitlView]
    pending_count: int


class BundleMade(BaseModel):
    """Answer to generating a bundle: the ZIP is there."""

    artifacts_generated: int
    zip_created: bool
    download_available: bool


class BundledFileView(BaseModel):
    """A file of the bundle: its path in the ZIP, its kind, its size in bytes."""

    name: str
    type: str
    size: int


class BundleSummary(BaseModel):
    """What the newest bundle holds; nothing before there is one."""

    artifacts: list[BundledFileView]


class AgentView(BaseModel):
    """What an agent does now; one that never worked is idle without an activity."""

    agent_type: str
    status: Literal["idle", "working", "waiting_for_hitl", "error"]
    current_task_id: UUID | None
    last_activity: datetime | None


class AgentList(BaseModel):
    """Every agent that the definitions name."""

    agents: list[AgentView]


class AgentStatusChange(BaseModel):
    """One change of an agent's status."""

    status: Literal["idle", "working", "waiting_for_hitl", "error"]
    timestamp: datetime
    task_id: UUID | None
    position: int


class AgentHistory(BaseModel):
    """An agent's changes of status, newest first."""

    history: list[AgentStatusChange]


Condition = Literal["ok", "degraded", "unavailable"]


class HealthView(BaseModel):
    """How the parts are; `celery_status` is the contract's name for the workers' state."""

    api_status: Condition
    db_status: Condition
    celery_status: Condition
    llm_status: Condition
    auth: Literal["on", "off"] = Field(description="off: nobody is asked who they are")


class Readiness(BaseModel):
    """Whether this gateway is to be sent requests."""

    status: Literal["starting", "ready", "stopping"]


class FieldProblem(BaseModel):
    """What is wrong with one part of a request: a JSON pointer into the body, or /path/x, /query/x, /headers/x."""

    pointer: str
    detail: str


class ProblemDocument(BaseModel):
    """Any answer of 400 and above (RFC 9457); some have members of their own, such as `winner`."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldProblem] | None = None
