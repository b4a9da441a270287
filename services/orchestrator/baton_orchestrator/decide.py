"""Every handoff is decided here, and nowhere else.

`decide(state, message, catalog) -> events` reads no clock and no randomness: new ids follow from the message's
id, so that deciding the same message again names the same things. Reactions are guarded by the state as well as
by the inbox: an event whose consequence stands already leads to nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from baton_contracts import commands as c
from baton_contracts import events as e
from baton_contracts.project import Project
from baton_orchestrator.agents import BeginReset, RecordReset, begin_reset, record_reset
from baton_orchestrator.completion import check_completion
from baton_orchestrator.creation import create_project, execute_workflow
from baton_orchestrator.following import follow, is_going_on
from baton_orchestrator.lifecycle import cancel, force_complete, pause, resume
from baton_orchestrator.retrial import retry_task
from baton_orchestrator.steps import Catalog, Payloads, dispatch


def task_completed(state: Project, payload: e.TaskComplete, origin: UUID, catalog: Catalog) -> Payloads:
    """Ask a person where the step has a gate, else pass the baton."""
    task = state.tasks.get(payload.task_id)
    if task is None or task.attempt != payload.attempt:
        return ()
    return follow(state, task, origin, catalog)


def responded(state: Project, payload: e.HitlResponse, origin: UUID, catalog: Catalog) -> Payloads:
    """Go on after approval, send the task back to be amended, or do the step again after a rejection."""
    task = state.tasks.get(payload.task_id)
    return follow(state, task, origin, catalog) if task else ()


def task_failed(state: Project, payload: e.TaskFailed, _origin: UUID, _catalog: Catalog) -> Payloads:
    """Fail the project: nothing can be handed on. A task that a person stopped says nothing about it."""
    task = state.tasks.get(payload.task_id)
    if task is None or (task.status, task.attempt) != ("failed", payload.attempt):
        return ()
    if payload.stopped or not is_going_on(state, task):
        return ()
    return (e.ProjectFailed(reason=f"The {payload.agent_type} failed: {payload.reason}"),)


def replace_runner(state: Project, command: c.ReplaceRunner, _origin: UUID, _catalog: Catalog) -> Payloads:
    """Dispatch a task again whose runner is gone; its late answer will carry an old attempt.

    In a project that has failed it is pending until the project is open again.
    """
    task = state.tasks.get(command.task_id)
    if task is None or task.status != "working" or task.attempt != command.attempt:
        return ()
    return dispatch(task, command.reason)


_DECISIONS: Final[Mapping[type, Callable[[Project, Any, UUID, Catalog], Payloads]]] = {
    c.CreateProject: create_project,
    c.ExecuteWorkflow: execute_workflow,
    c.PauseProject: pause,
    c.ResumeProject: resume,
    c.CancelProject: cancel,
    c.ForceComplete: force_complete,
    c.CheckCompletion: check_completion,
    c.RetryTask: retry_task,
    c.ReplaceRunner: replace_runner,
    BeginReset: begin_reset,
    RecordReset: record_reset,
    e.TaskComplete: task_completed,
    e.TaskFailed: task_failed,
    e.HitlResponse: responded,
}


def decide(state: Project, what: c.Command | e.Payload, origin: UUID, catalog: Catalog) -> Payloads:
    """Return the events that a command or an event leads to. Raises `Refused`."""
    return _DECISIONS[type(what)](state, what, origin, catalog)
