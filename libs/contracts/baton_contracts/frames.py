"""What a browser is told of an event: the contract's eight frame types.

Every frame carries `event_type`, `project_id` where there is one, `timestamp`, and the `position` and `event_id` of
the event that it tells of, beside exactly the contract's keys (and by whom a request was answered). An event may make
several frames, or none; whoever sends them adds `part`, which counts them from 1 up to `parts`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args
from uuid import UUID

from baton_contracts import events as e
from baton_contracts.ids import SYSTEM_STREAM

Frame = dict[str, Any]
FrameType = Literal[
    "agent_status_change",
    "artifact_created",
    "workflow_event",
    "hitl_response",
    "agent_status_update",
    "new_message",
    "hitl_request",
    "task_progress",
]
FRAME_TYPES: Final[tuple[FrameType, ...]] = get_args(FrameType)


@dataclass(frozen=True, slots=True)
class Standing:
    """What an agent does after an event, counted over all its tasks: the tables know, one event does not."""

    status: str
    current_task_id: UUID | None


AGENT_EVENTS: Final = frozenset({"task_start", "task_complete", "task_failed", "task_dispatched", "hitl_response"})
"""The events that change what their agent does."""


def frames_of(event: e.Event, standing: Standing | None = None) -> list[Frame]:
    """Return the frames of one event in the order in which they are sent.

    `standing` is that of the event's agent after it; without one, the frames speak of the event's task alone.
    """
    make = _FRAMES.get(event.type)
    if make is None:
        return []
    frames = [_envelope(event, name) | body for name, body in make(event, event.payload)]
    return [_standing(frame, standing) for frame in frames] if standing else frames


def _envelope(event: e.Event, name: str) -> Frame:
    frame: Frame = {
        "event_type": name,
        "timestamp": event.timestamp.isoformat(),
        "position": event.position,
        "event_id": str(event.id),
    }
    if event.project_id != SYSTEM_STREAM:
        frame["project_id"] = str(event.project_id)
    return frame


def _standing(frame: Frame, standing: Standing) -> Frame:
    match frame["event_type"]:
        case "agent_status_change":
            current = str(standing.current_task_id) if standing.current_task_id else None
            return frame | {"data": frame["data"] | {"status": standing.status, "current_task_id": current}}
        case "agent_status_update":
            return frame | {"status": standing.status}
        case _:
            return frame


Bodies = Iterator[tuple[str, Frame]]


def _agent(event: e.Event, agent_type: str, status: str, task_id: object) -> Bodies:
    moment = event.timestamp.isoformat()
    current = str(task_id) if task_id else None
    data = {"status": status, "current_task_id": current, "last_activity": moment}
    yield "agent_status_change", {"agent_type": agent_type, "data": data}
    yield "agent_status_update", {"agent_type": agent_type, "status": status}


def _progress(task_id: object, progress: int, stage: str) -> tuple[str, Frame]:
    return "task_progress", {"task_id": str(task_id), "progress": progress, "stage": stage}


def _message(agent_type: str, message: str) -> tuple[str, Frame]:
    return "new_message", {"agent_type": agent_type, "message": message}


def _task_start(event: e.Event, payload: e.TaskStart) -> Bodies:
    yield from _agent(event, payload.agent_type, "working", payload.task_id)
    yield _message(payload.agent_type, payload.message)
    yield _progress(payload.task_id, 10, "started")


def _task_progress(_: e.Event, payload: e.TaskProgress) -> Bodies:
    yield _progress(payload.task_id, payload.progress, payload.stage)


def _agent_message(_: e.Event, payload: e.AgentMessage) -> Bodies:
    yield _message(payload.agent_type, payload.message)


def _task_complete(event: e.Event, payload: e.TaskComplete) -> Bodies:
    yield _message(payload.agent_type, payload.message)
    yield _progress(payload.task_id, 100, "in_review" if payload.awaits_review else "completed")
    if payload.awaits_review:
        yield from _agent(event, payload.agent_type, "waiting_for_hitl", payload.task_id)
    else:
        yield from _agent(event, payload.agent_type, "idle", None)


def _task_failed(event: e.Event, payload: e.TaskFailed) -> Bodies:
    yield _message(payload.agent_type, payload.reason)
    yield from _agent(event, payload.agent_type, "idle" if payload.stopped else "error", None)


def _task_dispatched(event: e.Event, payload: e.TaskDispatched) -> Bodies:
    yield _progress(payload.task_id, 0, "queued_again")
    yield from _agent(event, payload.agent_type, "idle", None)


def _agent_reset(event: e.Event, payload: e.AgentReset) -> Bodies:
    yield from _agent(event, payload.agent_type, "idle", None)


def _hitl_request(_: e.Event, payload: e.HitlRequest) -> Bodies:
    body = {"request_id": str(payload.request_id), "task_id": str(payload.task_id)}
    yield "hitl_request", body | {"question": payload.question}


def _hitl_response(event: e.Event, payload: e.HitlResponse) -> Bodies:
    data = {"request_id": str(payload.request_id), "action": payload.action, "response": payload.response}
    more = {"timestamp": event.timestamp.isoformat(), "responded_by": event.actor}
    yield "hitl_response", {"data": data | more}
    yield from _agent(event, payload.agent_type, "idle", None)


def _workflow_event(name: str, message: str, completed_at: str | None, *, generating: bool) -> tuple[str, Frame]:
    data = {
        "event": name,
        "message": message,
        "completed_at": completed_at,
        "artifacts_generating": generating,
    }
    return "workflow_event", {"data": data}


def _workflow_started(_: e.Event, payload: e.WorkflowStarted) -> Bodies:
    message = f"Workflow {payload.workflow_id} has started with {payload.total_steps} steps"
    yield _workflow_event("workflow_started", message, None, generating=False)


def _workflow_note(name: str, message: str) -> Callable[[e.Event, e.Payload], Bodies]:
    def bodies(_: e.Event, __: e.Payload) -> Bodies:
        yield _workflow_event(name, message, None, generating=False)

    return bodies


def _project_reopened(_: e.Event, payload: e.ProjectReopened) -> Bodies:
    yield _workflow_event("project_reopened", payload.reason, None, generating=False)


def _project_completed(event: e.Event, payload: e.ProjectCompleted) -> Bodies:
    moment = event.timestamp.isoformat()
    yield _workflow_event("project_completed", payload.message, moment, generating=payload.bundled)


def _project_failed(event: e.Event, payload: e.ProjectFailed) -> Bodies:
    yield _workflow_event("project_failed", payload.reason, event.timestamp.isoformat(), generating=False)


def _artifacts_generated(event: e.Event, _: e.ArtifactsGenerated) -> Bodies:
    data = {"message": "Project artifacts are ready for download", "download_available": True}
    yield "artifact_created", {"data": data | {"generated_at": event.timestamp.isoformat()}}


_FRAMES: Final[Mapping[str, Callable[[e.Event, Any], Bodies]]] = {
    "task_dispatched": _task_dispatched,
    "task_start": _task_start,
    "task_progress": _task_progress,
    "agent_message": _agent_message,
    "task_complete": _task_complete,
    "task_failed": _task_failed,
    "hitl_request": _hitl_request,
    "hitl_response": _hitl_response,
    "workflow_started": _workflow_started,
    "project_completed": _project_completed,
    "project_failed": _project_failed,
    "project_paused": _workflow_note("project_paused", "Nothing new begins until the project is resumed"),
    "project_resumed": _workflow_note("project_resumed", "The project goes on"),
    "project_reopened": _project_reopened,
    "artifacts_generated": _artifacts_generated,
    "artifacts_cleaned": _workflow_note("artifacts_cleaned", "The bundles were removed; they can be generated again"),
    "agent_reset": _agent_reset,
}
