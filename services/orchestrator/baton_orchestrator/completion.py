"""When a project is complete: all steps of all its executions are, and nothing is open. Texts say nothing about it.

A step counts once, and is completed when its newest task is. An execution that was closed by force is waited for no
more, though its steps stay as open as they were.
"""

from typing import Any, Final
from uuid import UUID

from baton_contracts import commands as c
from baton_contracts import events as e
from baton_contracts.project import Project
from baton_orchestrator.steps import Catalog, Payloads, require_project

OPEN: Final = ("pending", "working", "waiting_for_hitl")


def complete_if_done(state: Project, execution_id: UUID) -> Payloads:
    """Complete the project with the end of this execution, unless another has steps to do."""
    waited_for = {key: run.started.total_steps for key, run in state.executions.items() if not run.closed}
    if _open_tasks(state) or any(_completed_steps(state, key) < total for key, total in waited_for.items()):
        return ()
    message = f"Project has completed successfully: all {sum(waited_for.values())} steps are done"
    return (e.ProjectCompleted(execution_id=execution_id, message=message),)


def check_completion(state: Project, command: c.CheckCompletion, _origin: UUID, _catalog: Catalog) -> Payloads:
    """Complete a project where only the word is missing."""
    require_project(state, command.project_id)
    if state.status != "active" or state.paused:
        return ()
    return complete_if_done(state, newest_execution(state))


def newest_execution(state: Project) -> UUID:
    """Return the execution that was started last."""
    return list(state.executions)[-1]


def indicators(state: Project) -> list[dict[str, Any]]:
    """Return what speaks for a project's being complete, and what against it."""
    done, total = steps_done(state)
    tasks = _open_tasks(state)
    requests = sum(request.status == "pending" for request in state.requests.values())
    bundled = f"Files in the newest bundle: {len(state.bundle.files)}" if state.bundle else "There is no bundle"
    standing = "paused" if state.paused else state.status
    return [
        _indicator("project_completed", f"The project is {standing}", met=state.status == "completed"),
        _indicator("all_steps_completed", f"{done} of {total} steps are completed", met=done == total),
        _indicator("no_open_tasks", f"Open tasks: {tasks}", met=not tasks),
        _indicator("no_pending_requests", f"Requests that wait for a person: {requests}", met=not requests),
        _indicator("artifacts_available", bundled, met=state.bundle is not None),
    ]


def _indicator(name: str, detail: str, *, met: bool) -> dict[str, Any]:
    return {"indicator": name, "met": met, "detail": detail}


def steps_done(state: Project) -> tuple[int, int]:
    """Return how many steps of all executions are completed, and how many there are."""
    total = sum(run.started.total_steps for run in state.executions.values())
    return sum(_completed_steps(state, key) for key in state.executions), total


def _completed_steps(state: Project, execution_id: UUID) -> int:
    tasks = (task for task in state.tasks.values() if task.created.execution_id == execution_id)
    newest = {task.created.step_id: task.status for task in tasks}
    return sum(status == "completed" for status in newest.values())


def _open_tasks(state: Project) -> int:
    return sum(task.status in OPEN for task in state.tasks.values())
