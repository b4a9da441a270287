"""What whoever sent a command is told when it was not refused: read off the state that it led to."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from baton_contracts import commands as c
from baton_contracts.handoffs import Json
from baton_contracts.project import Project
from baton_orchestrator.agents import BeginReset, RecordReset
from baton_orchestrator.completion import indicators, newest_execution
from baton_orchestrator.lifecycle import cancellation


def _created(command: c.CreateProject, after: Project) -> Json:
    return {"project_id": str(command.project_id), "status": after.status}


def _executed(_: c.ExecuteWorkflow, after: Project) -> Json:
    return {"execution_id": str(newest_execution(after)), "status": "started"}


def _standing(command: c.Command, after: Project) -> Json:
    return {"project_id": str(command.project_id), "status": after.status, "paused": after.paused}


def _cancelled(command: c.CancelProject, after: Project) -> Json:
    return {"project_id": str(command.project_id), "status": after.status, "reason": cancellation(command)}


def _forced(_: c.ForceComplete, after: Project) -> Json:
    return {"status": after.status, "artifacts_generated": bool(after.outputs())}


def _checked(_: c.CheckCompletion, after: Project) -> Json:
    return {"is_complete": after.status == "completed", "completion_indicators": indicators(after)}


def _retried(command: c.RetryTask, after: Project) -> Json:
    created = after.tasks[command.task_id].created
    newest = after.tasks_of(created.execution_id, created.step_id)[-1]
    return {"task_id": str(newest.created.task_id), "status": newest.status, "attempt": newest.attempt}


def _replaced(command: c.ReplaceRunner, after: Project) -> Json:
    task = after.tasks.get(command.task_id)
    return {"dispatched": task is not None and task.attempt > command.attempt}


def _resetting(command: BeginReset, _: Project) -> Json:
    return command.model_dump(mode="json", include={"orders"})


def _reset(command: RecordReset, _: Project) -> Json:
    return {"message": f"Agent {command.agent_type} status reset to idle", "status": "idle"}


_RESULTS: Final[Mapping[type, Callable[[Any, Project], Json]]] = {
    c.CreateProject: _created,
    c.ExecuteWorkflow: _executed,
    c.PauseProject: _standing,
    c.ResumeProject: _standing,
    c.CancelProject: _cancelled,
    c.ForceComplete: _forced,
    c.CheckCompletion: _checked,
    c.RetryTask: _retried,
    c.ReplaceRunner: _replaced,
    BeginReset: _resetting,
    RecordReset: _reset,
}


def result_of(what: object, after: Project) -> Json | None:
    """Return the answer to a command; nobody waits for one to anything else."""
    result = _RESULTS.get(type(what))
    return result(what, after) if result else None
