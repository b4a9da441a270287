"""The fold of one project: every service decides on this one state.

`evolve` is pure and total: an event that it does not know, or that does not fit, leaves the state as it is.
States are immutable, so a decision on a state that was never written costs nothing to forget.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal
from uuid import UUID

from baton_contracts import events as e
from baton_contracts.handoffs import HandoffSchema

TaskStatus = Literal["pending", "working", "waiting_for_hitl", "completed", "failed"]
ProjectStatus = Literal["absent", "active", "completed", "failed"]
RequestStatus = Literal["pending", "approved", "rejected", "amended"]


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of work of an agent, as far as decisions need it."""

    created: e.TaskCreated
    status: TaskStatus = "pending"
    attempt: int = 1
    gate: bool = False
    feedback: tuple[str, ...] = ()
    runner_id: UUID | None = None
    artifact: e.Artifact | None = None
    message: str = ""
    reason: str = ""

    @property
    def handoff(self) -> HandoffSchema:
        """What came in."""
        return self.created.handoff


@dataclass(frozen=True, slots=True)
class Request:
    """A question to a person, and the answer once there is one."""

    asked: e.HitlRequest
    status: RequestStatus = "pending"
    response: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """A run of a workflow; one that was `closed` by force stands as it is, and nothing of it goes on."""

    started: e.WorkflowStarted
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """The state of one stream; `version` is that of the last event folded in."""

    version: int = 0
    status: ProjectStatus = "absent"
    created: e.ProjectCreated | None = None
    executions: Mapping[UUID, Execution] = field(default_factory=dict)
    tasks: Mapping[UUID, Task] = field(default_factory=dict)
    requests: Mapping[UUID, Request] = field(default_factory=dict)
    bundles: tuple[e.ArtifactsGenerated, ...] = ()  # those that were not cleaned up, oldest first
    paused: bool = False
    cancelled: bool = False

    @property
    def bundle(self) -> e.ArtifactsGenerated | None:
        """The newest bundle, if there is one."""
        return self.bundles[-1] if self.bundles else None

    def tasks_of(self, execution_id: UUID, step_id: str) -> list[Task]:
        """Return the tasks of a step, oldest first."""
        return [
            task
            for task in self.tasks.values()
            if task.created.execution_id == execution_id and task.created.step_id == step_id
        ]

    def outputs(self, execution_id: UUID | None = None) -> dict[str, e.Artifact]:
        """Return the artifact that stands for each handoff type, in one execution or in all: the newest completed."""
        return {
            task.artifact.handoff_type: task.artifact
            for task in self.tasks.values()
            if task.artifact and task.status == "completed" and execution_id in (None, task.created.execution_id)
        }


def evolve(state: Project, payload: e.Payload) -> Project:
    """Return the state after the next event of the stream; versions are dense, so it counts them itself."""
    apply = _APPLY.get(payload.event_type)
    after = apply(state, payload) if apply else state
    return replace(after, version=state.version + 1)


def _project_created(state: Project, payload: e.ProjectCreated) -> Project:
    return replace(state, status="active", created=payload)


def _workflow_started(state: Project, payload: e.WorkflowStarted) -> Project:
    return replace(state, executions={**state.executions, payload.execution_id: Execution(payload)})


def _task_created(state: Project, payload: e.TaskCreated) -> Project:
    task = Task(payload, attempt=payload.attempt, gate=payload.gate, feedback=payload.feedback)
    return replace(state, tasks={**state.tasks, payload.task_id: task})


def _with_task(state: Project, task_id: UUID, **changes: Any) -> Project:  # noqa: ANN401 - any field of Task
    task = state.tasks.get(task_id)
    if task is None:
        return state
    return replace(state, tasks={**state.tasks, task_id: replace(task, **changes)})


def _task_dispatched(state: Project, payload: e.TaskDispatched) -> Project:
    return _with_task(
        state,
        payload.task_id,
        status="pending",
        attempt=payload.attempt,
        gate=payload.gate,
        feedback=payload.feedback,
        runner_id=None,
    )


def _task_start(state: Project, payload: e.TaskStart) -> Project:
    return _with_task(state, payload.task_id, status="working", runner_id=payload.runner_id)


def _task_complete(state: Project, payload: e.TaskComplete) -> Project:
    status = "waiting_for_hitl" if payload.awaits_review else "completed"
    return _with_task(state, payload.task_id, status=status, artifact=payload.artifact, message=payload.message)


def _task_failed(state: Project, payload: e.TaskFailed) -> Project:
    changes: dict[str, Any] = {"status": "failed", "reason": payload.reason}
    if payload.artifact:
        changes["artifact"] = payload.artifact
    return _with_task(state, payload.task_id, **changes)


def _hitl_request(state: Project, payload: e.HitlRequest) -> Project:
    return replace(state, requests={**state.requests, payload.request_id: Request(payload)})


def _hitl_response(state: Project, payload: e.HitlResponse) -> Project:
    request = state.requests.get(payload.request_id)
    if request is None:
        return state
    answered = replace(request, status=payload.action, response=payload.response)
    after = replace(state, requests={**state.requests, payload.request_id: answered})
    if payload.action == "amended":  # the task waits until it is dispatched again
        return after
    status = "completed" if payload.action == "approved" else "failed"
    reason = payload.response if payload.action == "rejected" else ""
    return _with_task(after, payload.task_id, status=status, reason=reason)


def _project_completed(state: Project, payload: e.ProjectCompleted) -> Project:
    executions = {key: replace(run, closed=run.closed or payload.forced) for key, run in state.executions.items()}
    return replace(state, status="completed", paused=False, executions=executions)


def _project_failed(state: Project, payload: e.ProjectFailed) -> Project:
    return replace(state, status="failed", paused=False, cancelled=payload.cancelled)


def _project_paused(state: Project, _: e.ProjectPaused) -> Project:
    return replace(state, paused=True)


def _project_resumed(state: Project, _: e.ProjectResumed) -> Project:
    return replace(state, paused=False)


def _project_reopened(state: Project, _: e.ProjectReopened) -> Project:
    return replace(state, status="active", cancelled=False)


def _artifacts_generated(state: Project, payload: e.ArtifactsGenerated) -> Project:
    return replace(state, bundles=(*state.bundles, payload))


def _artifacts_cleaned(state: Project, payload: e.ArtifactsCleaned) -> Project:
    return replace(state, bundles=tuple(one for one in state.bundles if one.sha256 not in payload.sha256s))


_APPLY: Final[Mapping[str, Callable[[Project, Any], Project]]] = {
    "project_created": _project_created,
    "workflow_started": _workflow_started,
    "task_created": _task_created,
    "task_dispatched": _task_dispatched,
    "task_start": _task_start,
    "task_complete": _task_complete,
    "task_failed": _task_failed,
    "hitl_request": _hitl_request,
    "hitl_response": _hitl_response,
    "project_completed": _project_completed,
    "project_failed": _project_failed,
    "project_paused": _project_paused,
    "project_resumed": _project_resumed,
    "project_reopened": _project_reopened,
    "artifacts_generated": _artifacts_generated,
    "artifacts_cleaned": _artifacts_cleaned,
}
