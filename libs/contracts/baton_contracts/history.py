"""A project as it was: the views of the REST API, folded from its events up to some moment.

The tables serve now; this serves `?as_of=`. A test holds the two equal for every prefix of a story.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from baton_contracts import events as e
from baton_contracts.rest import CompletionView, HitlList, HitlView, ProjectView

Row = dict[str, Any]


@dataclass(slots=True)
class Past:
    """The rows of one project at one moment; built by `recall`, then only read."""

    project: Row = field(default_factory=dict)
    planned: int = 0
    bundle: str | None = None  # the sha256 of the newest bundle that was not cleaned up
    tasks: dict[UUID, Row] = field(default_factory=dict)
    artifacts: dict[UUID, Row] = field(default_factory=dict)  # by the task's id: one each
    requests: dict[UUID, Row] = field(default_factory=dict)

    def project_view(self) -> ProjectView:
        """Return the project with its tasks and artifacts, oldest first."""
        rows = {"tasks": _by_age(self.tasks), "artifacts": _by_age(self.artifacts)}
        return ProjectView.model_validate(self.project | rows)

    def hitl_view(self) -> HitlList:
        """Return its questions to people, oldest first."""
        requests = [HitlView.model_validate(row) for row in _by_age(self.requests, "request_id")]
        return HitlList(requests=requests, pending_count=sum(one.status == "pending" for one in requests))

    def completion_view(self) -> CompletionView:
        """Return how far it was: a step counts once, and is done when its newest task is."""
        newest = {(row["execution_id"], row["step_id"]): row["status"] for row in self.tasks.values()}
        done = sum(status == "completed" for status in newest.values())
        share = min(100 * done / self.planned, 100.0) if self.planned else 0.0
        return CompletionView(
            project_id=self.project["project_id"],
            completion_percentage=100.0 if self.project["status"] == "completed" else round(share, 1),
            total_tasks=self.planned,
            completed_tasks=done,
            artifacts_available=self.bundle is not None,
        )


def _by_age(rows: Mapping[UUID, Row], name: str = "id") -> list[Row]:
    """Return rows as the tables give them: what began in one moment is in the order of its ids, called `name`."""
    return sorted(rows.values(), key=lambda row: (row["created_at"], row[name]))


def recall(events: Iterable[e.Event]) -> Past | None:
    """Fold the events of one project, in order; None where it did not exist yet."""
    past = Past()
    for event in events:
        if apply := _APPLY.get(event.type):
            apply(past, event, event.payload)
    return past if past.project else None


def _project_created(past: Past, event: e.Event, payload: e.ProjectCreated) -> None:
    past.project = {
        "project_id": event.project_id,
        "status": "active",
        "name": payload.name,
        "product_idea": payload.product_idea,
        "reason": None,
        "created_at": event.timestamp,
        "updated_at": event.timestamp,
        "paused": False,
    }


def _workflow_started(past: Past, _: e.Event, payload: e.WorkflowStarted) -> None:
    past.planned += payload.total_steps


def _project_completed(past: Past, event: e.Event, _: e.ProjectCompleted) -> None:
    past.project |= {"status": "completed", "reason": None, "paused": False, "updated_at": event.timestamp}


def _project_failed(past: Past, event: e.Event, payload: e.ProjectFailed) -> None:
    past.project |= {"status": "failed", "reason": payload.reason, "paused": False, "updated_at": event.timestamp}


def _project_reopened(past: Past, event: e.Event, _: e.ProjectReopened) -> None:
    past.project |= {"status": "active", "reason": None, "updated_at": event.timestamp}


def _project_paused(past: Past, event: e.Event, _: e.ProjectPaused) -> None:
    past.project |= {"paused": True, "updated_at": event.timestamp}


def _project_resumed(past: Past, event: e.Event, _: e.ProjectResumed) -> None:
    past.project |= {"paused": False, "updated_at": event.timestamp}


def _artifacts_generated(past: Past, event: e.Event, payload: e.ArtifactsGenerated) -> None:
    past.bundle = payload.sha256
    past.project["updated_at"] = event.timestamp


def _artifacts_cleaned(past: Past, event: e.Event, payload: e.ArtifactsCleaned) -> None:
    if past.bundle in payload.sha256s:  # a cleaning of older bundles leaves the newest
        past.bundle = None
    past.project["updated_at"] = event.timestamp


def _task_created(past: Past, event: e.Event, payload: e.TaskCreated) -> None:
    past.tasks[payload.task_id] = {
        "id": payload.task_id,
        "project_id": event.project_id,
        "execution_id": payload.execution_id,
        "agent_type": payload.agent_type,
        "instructions": payload.instructions,
        "status": "pending",
        "created_at": event.timestamp,
        "updated_at": event.timestamp,
        "step_id": payload.step_id,
        "attempt": payload.attempt,
        "reason": None,
    }


def _set_task(past: Past, event: e.Event, task_id: UUID, status: str, **changes: object) -> None:
    if row := past.tasks.get(task_id):
        row |= {"status": status, "updated_at": event.timestamp, "reason": None} | changes


def _task_dispatched(past: Past, event: e.Event, payload: e.TaskDispatched) -> None:
    _set_task(past, event, payload.task_id, "pending", attempt=payload.attempt)


def _task_start(past: Past, event: e.Event, payload: e.TaskStart) -> None:
    _set_task(past, event, payload.task_id, "working", attempt=payload.attempt)


def _task_complete(past: Past, event: e.Event, payload: e.TaskComplete) -> None:
    status = "waiting_for_hitl" if payload.awaits_review else "completed"
    _set_task(past, event, payload.task_id, status, attempt=payload.attempt)
    _keep_artifact(past, event, payload, payload.artifact)


def _task_failed(past: Past, event: e.Event, payload: e.TaskFailed) -> None:
    _set_task(past, event, payload.task_id, "failed", attempt=payload.attempt, reason=payload.reason)
    if payload.artifact:
        _keep_artifact(past, event, payload, payload.artifact)


def _keep_artifact(past: Past, event: e.Event, payload: e.TaskComplete | e.TaskFailed, artifact: e.Artifact) -> None:
    before = past.artifacts.get(payload.task_id)
    past.artifacts[payload.task_id] = {
        "id": artifact.artifact_id,
        "project_id": event.project_id,
        "source_agent": payload.agent_type,
        "artifact_type": artifact.artifact_type,
        "content": artifact.content,
        "task_id": payload.task_id,
        "created_at": before["created_at"] if before else event.timestamp,
    }


def _hitl_request(past: Past, event: e.Event, payload: e.HitlRequest) -> None:
    past.requests[payload.request_id] = {
        "request_id": payload.request_id,
        "question": payload.question,
        "status": "pending",
        "project_id": event.project_id,
        "task_id": payload.task_id,
        "response_content": None,
        "responded_by": None,
        "created_at": event.timestamp,
        "updated_at": event.timestamp,
    }


_AFTER_RESPONSE: Final[Mapping[str, str]] = {
    "approved": "completed",
    "rejected": "failed",
    "amended": "waiting_for_hitl",
}


def _hitl_response(past: Past, event: e.Event, payload: e.HitlResponse) -> None:
    if row := past.requests.get(payload.request_id):
        row |= {
            "status": payload.action,
            "response_content": payload.response,
            "responded_by": event.actor,
            "updated_at": event.timestamp,
        }
    reason = payload.response if payload.action == "rejected" else None
    _set_task(past, event, payload.task_id, _AFTER_RESPONSE[payload.action], reason=reason)


_APPLY: Final[Mapping[str, Callable[[Past, e.Event, Any], None]]] = {
    "project_created": _project_created,
    "workflow_started": _workflow_started,
    "project_completed": _project_completed,
    "project_failed": _project_failed,
    "project_reopened": _project_reopened,
    "project_paused": _project_paused,
    "project_resumed": _project_resumed,
    "artifacts_generated": _artifacts_generated,
    "artifacts_cleaned": _artifacts_cleaned,
    "task_created": _task_created,
    "task_dispatched": _task_dispatched,
    "task_start": _task_start,
    "task_complete": _task_complete,
    "task_failed": _task_failed,
    "hitl_request": _hitl_request,
    "hitl_response": _hitl_response,
}
