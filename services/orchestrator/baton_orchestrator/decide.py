"""Every handoff is decided here, and nowhere else.

`decide(state, message, catalog) -> Decision` reads no clock and no randomness: new ids follow from the message's
id, so that deciding the same message again names the same things. Reactions are guarded by the state as well as
by the inbox: an event whose consequence stands already leads to nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from baton_contracts import commands as c
from baton_contracts import events as e
from baton_contracts.definitions import Deadline, Step
from baton_contracts.handoffs import HandoffSchema, Json
from baton_contracts.ids import derive_id
from baton_contracts.project import Project, Task
from baton_orchestrator.creation import create_project
from baton_orchestrator.steps import Catalog, Payloads, task_for

MAX_REJECTIONS: Final = 3


def task_completed(state: Project, payload: e.TaskComplete, origin: UUID, catalog: Catalog) -> Payloads:
    """Ask a person where the step has a gate, else pass the baton."""
    task = state.tasks.get(payload.task_id)
    if task is None or state.status != "active" or task.attempt != payload.attempt:
        return ()
    if task.status == "waiting_for_hitl":
        return _ask(state, task, payload, origin, _step_of(state, task, catalog).deadline)
    return _pass_on(state, task, origin, catalog)


def _step_of(state: Project, task: Task, catalog: Catalog) -> Step:
    started = state.executions[task.created.execution_id].started
    return catalog.registered(started.definition_hash).step(task.created.step_id)


def _ask(state: Project, task: Task, payload: e.TaskComplete, origin: UUID, deadline: Deadline | None) -> Payloads:
    if any(request.asked.task_id == payload.task_id for request in state.requests.values()):
        return ()
    return (
        e.HitlRequest(
            request_id=derive_id(origin, "request"),
            task_id=payload.task_id,
            agent_type=payload.agent_type,
            question=f"Please review the {_title(task)} by the {payload.agent_type}: approve it, amend it with your "
            f"own words, or reject it with a reason. {payload.message}",
            deadline_seconds=deadline.seconds if deadline else None,
            on_expire=deadline.on_expire if deadline else None,
        ),
    )


def _title(task: Task) -> str:
    return task.created.output_type.replace("_", " ")


def _pass_on(state: Project, task: Task, origin: UUID, catalog: Catalog) -> Payloads:
    """Hand what the task made to the next step's agent, or complete the project after the last."""
    execution_id = task.created.execution_id
    workflow = catalog.registered(state.executions[execution_id].started.definition_hash)
    following = workflow.after(task.created.step_id)
    if following is None:
        message = f"Project has completed successfully: all {len(workflow.steps)} steps are done"
        return (e.ProjectCompleted(execution_id=execution_id, message=message),)
    if task.artifact is None or state.tasks_of(execution_id, following.id):
        return ()
    handoff = HandoffSchema(
        project_id=task.handoff.project_id,
        source_agent=task.created.agent_type,
        target_agent=following.agent,
        handoff_type=task.artifact.handoff_type,
        content=task.artifact.handoff_content(),
    )
    return (task_for(workflow, following, execution_id, handoff, origin),)


def task_failed(state: Project, payload: e.TaskFailed, _origin: UUID, _catalog: Catalog) -> Payloads:
    """Fail the project: nothing can be handed on."""
    task = state.tasks.get(payload.task_id)
    if task is None or task.status != "failed" or state.status != "active":
        return ()
    return (e.ProjectFailed(reason=f"The {payload.agent_type} failed: {payload.reason}"),)


def responded(state: Project, payload: e.HitlResponse, origin: UUID, catalog: Catalog) -> Payloads:
    """Go on after approval, send the task back to be amended, or do the step again after a rejection."""
    task = state.tasks.get(payload.task_id)
    if task is None or state.status != "active":
        return ()
    if payload.action == "approved":
        return _pass_on(state, task, origin, catalog)
    if payload.action == "amended":
        return _amend(task, payload)
    return _repeat(state, task, payload, origin, catalog)


def _amend(task: Task, payload: e.HitlResponse) -> Payloads:
    if task.status != "waiting_for_hitl":  # it went out again already
        return ()
    return (_dispatch(task, "amended", gate=False, feedback=(*task.feedback, payload.response)),)


def _dispatch(task: Task, reason: str, *, gate: bool, feedback: tuple[str, ...]) -> e.TaskDispatched:
    return e.TaskDispatched(
        task_id=task.created.task_id,
        agent_type=task.created.agent_type,
        attempt=task.attempt + 1,
        gate=gate,
        feedback=feedback,
        reason=reason,
        handoff=task.handoff,
    )


def _repeat(state: Project, task: Task, payload: e.HitlResponse, origin: UUID, catalog: Catalog) -> Payloads:
    execution_id, step_id = task.created.execution_id, task.created.step_id
    tries = state.tasks_of(execution_id, step_id)
    if tries[-1].created.task_id != task.created.task_id:  # the step was begun again already
        return ()
    if len(tries) >= MAX_REJECTIONS:
        reason = f"The {_title(task)} was rejected {MAX_REJECTIONS} times, the last time with: {payload.response}"
        return (e.ProjectFailed(reason=reason),)
    workflow = catalog.registered(state.executions[execution_id].started.definition_hash)
    feedback = (*task.feedback, payload.response)
    return (task_for(workflow, workflow.step(step_id), execution_id, task.handoff, origin, feedback),)


def replace_runner(state: Project, command: c.ReplaceRunner, _origin: UUID, _catalog: Catalog) -> Payloads:
    """Dispatch a task again whose runner is gone; its late answer will carry an old attempt."""
    task = state.tasks.get(command.task_id)
    if task is None or task.status != "working" or task.attempt != command.attempt or state.status != "active":
        return ()
    return (_dispatch(task, "its runner is gone", gate=task.gate, feedback=task.feedback),)


_DECISIONS: Final[Mapping[type, Callable[[Project, Any, UUID, Catalog], Payloads]]] = {
    c.CreateProject: create_project,
    c.ReplaceRunner: replace_runner,
    e.TaskComplete: task_completed,
    e.TaskFailed: task_failed,
    e.HitlResponse: responded,
}


def decide(state: Project, what: c.Command | e.Payload, origin: UUID, catalog: Catalog) -> Payloads:
    """Return the events that a command or an event leads to. Raises `Refused`."""
    return _DECISIONS[type(what)](state, what, origin, catalog)


def result_of(what: c.Command | e.Payload) -> Json | None:
    """Return what whoever sent a command is told when it was not refused."""
    if isinstance(what, c.CreateProject):
        return {"project_id": str(what.project_id), "status": "active"}
    return None
