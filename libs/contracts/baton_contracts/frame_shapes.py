"""The shapes of what is said on `/ws`: every frame of an event, and what the gateway says of the socket itself.

`frames` makes frames by hand, because it does so for every event; these models say what comes out, key for key.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from baton_contracts.events import Action

AgentStatus = Literal["idle", "working", "waiting_for_hitl", "error"]
Project = Annotated[UUID | None, WithJsonSchema({"type": "string", "format": "uuid"})]
Number = Annotated[int, Field(ge=1)]


class Shape(BaseModel):
    """Exactly these keys; one with a default may be left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EventFrame(Shape):
    """What every frame of an event says: which event, and which of how many frames of it this is.

    Resume with `since` being the last position whose `parts` are all there. Without `project_id` it is of no project.
    """

    timestamp: datetime
    position: Number
    event_id: UUID
    project_id: Project = None
    part: Number
    parts: Number


class AgentNow(Shape):
    """What an agent does."""

    status: AgentStatus
    current_task_id: UUID | None
    last_activity: datetime


class AgentStatusChangeFrame(EventFrame):
    """An agent does something else now."""

    event_type: Literal["agent_status_change"]
    agent_type: str
    data: AgentNow


class BundleReady(Shape):
    """A bundle that can be downloaded."""

    message: str
    download_available: Literal[True]
    generated_at: datetime


class ArtifactCreatedFrame(EventFrame):
    """A project's bundle is ready for download."""

    event_type: Literal["artifact_created"]
    data: BundleReady


class WorkflowNews(Shape):
    """What happened to a project as a whole; `event` is the name of it."""

    event: str
    message: str
    completed_at: datetime | None
    artifacts_generating: bool


class WorkflowEventFrame(EventFrame):
    """A project started, stopped, went on, or ended."""

    event_type: Literal["workflow_event"]
    data: WorkflowNews


class Decision(Shape):
    """A person's answer."""

    request_id: UUID
    action: Action
    response: str
    timestamp: datetime
    responded_by: str


class HitlResponseFrame(EventFrame):
    """A person decided."""

    event_type: Literal["hitl_response"]
    data: Decision


class AgentStatusUpdateFrame(EventFrame):
    """An agent does something else now, in the older form."""

    event_type: Literal["agent_status_update"]
    agent_type: str
    status: AgentStatus


class NewMessageFrame(EventFrame):
    """An agent says something."""

    event_type: Literal["new_message"]
    agent_type: str
    message: str


class PartialMessageFrame(Shape):
    """An agent goes on with a message that it is still writing; it is in no log, and may be lost."""

    event_type: Literal["new_message"]
    timestamp: datetime
    position: None
    event_id: None
    project_id: UUID
    task_id: UUID
    agent_type: str
    message: str
    partial: Literal[True]


class HitlRequestFrame(EventFrame):
    """A person is asked."""

    event_type: Literal["hitl_request"]
    request_id: UUID
    task_id: UUID
    question: str


class TaskProgressFrame(EventFrame):
    """How far a task is, in percent, and at which stage."""

    event_type: Literal["task_progress"]
    task_id: UUID
    progress: int = Field(ge=0, le=100)
    stage: str


class CaughtUpFrame(Shape):
    """Everything up to `position` was sent, and what follows is live; resume with both, `since` and `epoch`."""

    event_type: Literal["caught_up"]
    position: int = Field(ge=0)
    epoch: UUID
    project_id: Project = None


class Subscribed(Shape):
    """The subscription begins; null stands for all projects."""

    type: Literal["subscribed"]
    project_id: UUID | None


class Unsubscribed(Shape):
    """The subscription is over."""

    type: Literal["unsubscribed"]
    project_id: UUID | None


class Pong(Shape):
    """The gateway is there; all that was wanted up to `position` was sent."""

    type: Literal["pong"]
    position: int


class SocketError(Shape):
    """What the client said was not understood, and why; the socket stays open."""

    type: Literal["error"]
    detail: str


EVENT_FRAMES: Final[Mapping[str, type[EventFrame]]] = {
    "agent_status_change": AgentStatusChangeFrame,
    "artifact_created": ArtifactCreatedFrame,
    "workflow_event": WorkflowEventFrame,
    "hitl_response": HitlResponseFrame,
    "agent_status_update": AgentStatusUpdateFrame,
    "new_message": NewMessageFrame,
    "hitl_request": HitlRequestFrame,
    "task_progress": TaskProgressFrame,
}
SOCKET_SAYS: Final[Mapping[str, type[Shape]]] = {
    "partial_message": PartialMessageFrame,
    "caught_up": CaughtUpFrame,
    "subscribed": Subscribed,
    "unsubscribed": Unsubscribed,
    "pong": Pong,
    "error": SocketError,
}
