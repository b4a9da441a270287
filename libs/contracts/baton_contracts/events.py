"""What happened: one payload class an event type, and the envelope they travel in.

Invariant: the log holds nothing that `PAYLOADS` does not name. A payload evolves by optional fields first;
every class ignores what it does not know, so that an older service can read what a newer one wrote. Any other change
takes a new `schema_version`, and a step in `upcasters` for what was written before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from baton_contracts.handoffs import HANDOFF_TYPES, HandoffSchema, Json
from baton_contracts.upcasters import upcast

Action = Literal["approved", "rejected", "amended"]
ArtifactType = Literal["spec", "plan", "code", "log"]


class Payload(BaseModel):
    """What one event says; `event_type` is its name in the log, `schema_version` that of the shape it is written in."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    event_type: ClassVar[str]
    schema_version: ClassVar[int] = 1


class ProjectCreated(Payload):
    """A person handed in an idea."""

    event_type: ClassVar[str] = "project_created"
    name: str
    product_idea: str
    tenant: str
    team_id: str | None = None


class WorkflowStarted(Payload):
    """An execution began; its definition is the one registered under `definition_hash`, for ever."""

    event_type: ClassVar[str] = "workflow_started"
    execution_id: UUID
    workflow_id: str
    definition_hash: str
    total_steps: int
    context: Json = Field(default_factory=dict)  # what whoever started it said of it; the agents are told
    parameters: Json = Field(default_factory=dict)  # stand for `{{name}}` in the steps' instructions


class TaskCreated(Payload):
    """The handoff: an agent has work to do."""

    event_type: ClassVar[str] = "task_created"
    task_id: UUID
    execution_id: UUID
    step_id: str
    agent_type: str
    instructions: str
    output_type: str
    requires: tuple[str, ...] = ()  # handoff types of the artifacts that the agent may see
    gate: bool = False
    attempt: int = 1
    feedback: tuple[str, ...] = ()
    handoff: HandoffSchema


class TaskDispatched(Payload):
    """The same task goes out again under the next attempt number: it was amended, or its runner is gone."""

    event_type: ClassVar[str] = "task_dispatched"
    task_id: UUID
    agent_type: str
    attempt: int
    gate: bool
    feedback: tuple[str, ...] = ()
    reason: str
    handoff: HandoffSchema


class TaskStart(Payload):
    """A runner took the task."""

    event_type: ClassVar[str] = "task_start"
    task_id: UUID
    agent_type: str
    attempt: int
    runner_id: UUID
    message: str


class TaskProgress(Payload):
    """How far a long task is, in percent, and at which stage."""

    event_type: ClassVar[str] = "task_progress"
    task_id: UUID
    agent_type: str
    progress: int = Field(ge=0, le=100)
    stage: str


class AgentMessage(Payload):
    """An agent said something while at work."""

    event_type: ClassVar[str] = "agent_message"
    task_id: UUID
    agent_type: str
    message: str


class LlmCall(Payload):
    """One call of a model; an answer is kept before it is used. Latency in milliseconds, hash in hex."""

    event_type: ClassVar[str] = "llm_call"
    task_id: UUID
    agent_type: str
    attempt: int
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    latency_ms: float
    request_hash: str
    answer: Json
    outcome: Literal["ok", "error"] = "ok"


class Artifact(BaseModel):
    """What a task made: content fits the handoff type, beside further keys of the agent's own."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    artifact_id: UUID
    artifact_type: ArtifactType
    handoff_type: str
    content: Json

    def handoff_content(self) -> Json:
        """Return the part of the content that the next agent's handoff carries."""
        fields = HANDOFF_TYPES[self.handoff_type].model_fields
        return {name: value for name, value in self.content.items() if name in fields}


class TaskComplete(Payload):
    """The agent is done; with `awaits_review` a person decides before the work goes on."""

    event_type: ClassVar[str] = "task_complete"
    task_id: UUID
    agent_type: str
    attempt: int
    message: str
    awaits_review: bool
    artifact: Artifact


class TaskFailed(Payload):
    """The agent could not do it, and why."""

    event_type: ClassVar[str] = "task_failed"
    task_id: UUID
    agent_type: str
    attempt: int
    reason: str
    artifact: Artifact | None = None  # what shows the failure, such as a test report
    stopped: bool = False  # by a person who ended the project, not by a fault of the agent's


class HitlRequest(Payload):
    """A person is asked; with a deadline, in seconds from now, `on_expire` is the answer when nobody gave one."""

    event_type: ClassVar[str] = "hitl_request"
    request_id: UUID
    task_id: UUID
    agent_type: str
    question: str
    deadline_seconds: int | None = None
    on_expire: Action | None = None


class HitlResponse(Payload):
    """A person decided; the first response wins."""

    event_type: ClassVar[str] = "hitl_response"
    request_id: UUID
    task_id: UUID
    agent_type: str
    action: Action
    response: str


class ProjectCompleted(Payload):
    """Every step is done, or an administrator said that what there is will do (`forced`)."""

    event_type: ClassVar[str] = "project_completed"
    execution_id: UUID
    message: str
    forced: bool = False
    bundled: bool = True  # there is something to make a bundle of


class ProjectFailed(Payload):
    """The project ended without its result, and why; `cancelled` by a person, or because a task failed."""

    event_type: ClassVar[str] = "project_failed"
    reason: str
    cancelled: bool = False


class ProjectPaused(Payload):
    """No agent begins anything new; what is at work is finished."""

    event_type: ClassVar[str] = "project_paused"


class ProjectResumed(Payload):
    """The project goes on where it was paused."""

    event_type: ClassVar[str] = "project_resumed"


class ProjectReopened(Payload):
    """A project that had ended goes on: a failed task is tried again, or another workflow is executed."""

    event_type: ClassVar[str] = "project_reopened"
    reason: str


class BundledFile(BaseModel):
    """A file of a bundle: its path in the ZIP, what kind it is, its size in bytes."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    name: str
    type: str
    size: int
    sha256: str


class ArtifactsGenerated(Payload):
    """A ZIP is in the object store under its sha256; `of_version` is the project version that it shows."""

    event_type: ClassVar[str] = "artifacts_generated"
    sha256: str
    size: int
    of_version: int
    files: tuple[BundledFile, ...]


class ArtifactsCleaned(Payload):
    """The project's bundles were removed from the object store; they can be generated again. Sizes in bytes."""

    event_type: ClassVar[str] = "artifacts_cleaned"
    sha256s: tuple[str, ...]
    freed_bytes: int


class OldArtifactsCleaned(Payload):
    """The bundles of all projects that were older than so many hours were removed; each project's log says which."""

    event_type: ClassVar[str] = "old_artifacts_cleaned"
    max_age_hours: float
    cleaned_files: int
    freed_bytes: int


class AgentReset(Payload):
    """An administrator set an agent back to idle, for one tenant or for all, after `tasks` were dispatched again."""

    event_type: ClassVar[str] = "agent_reset"
    agent_type: str
    tasks: tuple[UUID, ...] = ()
    tenant: str | None = None


class DefinitionRegistered(Payload):
    """A definition in its normalised form, kept once a hash."""

    event_type: ClassVar[str] = "definition_registered"
    kind: Literal["workflow"]
    hash: str
    definition: Json


_ALL: Final[tuple[type[Payload], ...]] = (
    ProjectCreated,
    WorkflowStarted,
    TaskCreated,
    TaskDispatched,
    TaskStart,
    TaskProgress,
    AgentMessage,
    LlmCall,
    TaskComplete,
    TaskFailed,
    HitlRequest,
    HitlResponse,
    ProjectCompleted,
    ProjectFailed,
    ProjectPaused,
    ProjectResumed,
    ProjectReopened,
    ArtifactsGenerated,
    ArtifactsCleaned,
    OldArtifactsCleaned,
    AgentReset,
    DefinitionRegistered,
)
PAYLOADS: Final[Mapping[str, type[Payload]]] = {payload.event_type: payload for payload in _ALL}


class UnknownPayload(Payload):
    """An event written by a newer Baton: kept and passed over, never an error."""

    event_type: ClassVar[str] = "unknown"
    content: Json


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the log: `position` is dense over all, `version` dense in its project; `size` in characters."""

    id: UUID
    project_id: UUID
    timestamp: datetime
    position: int
    version: int
    actor: str
    causation_id: UUID | None
    correlation_id: UUID | None
    payload: Payload
    size: int = field(default=0, compare=False)

    @property
    def type(self) -> str:
        """The event type's name."""
        return self.payload.event_type


def parse_payload(event_type: str, content: Mapping[str, Any], schema_version: int) -> Payload:
    """Return the typed payload of an event that was written in a version of its shape.

    What a newer Baton wrote is never an error: an unknown type, or a newer shape that does not fit the class of today,
    gives `UnknownPayload`. Raises `pydantic.ValidationError` where a known shape does not fit.
    """
    payload = PAYLOADS.get(event_type)
    if payload is None:
        return UnknownPayload(content=dict(content))
    try:
        return payload.model_validate(upcast(event_type, schema_version, dict(content)))
    except ValidationError:
        if schema_version <= payload.schema_version:
            raise
        return UnknownPayload(content=dict(content))
