"""How a failed task is tried again, and its project with it."""

from functools import reduce
from uuid import UUID

from baton_contracts import commands as c
from baton_contracts import events as e
from baton_contracts.project import Project, Task, evolve
from baton_orchestrator.following import is_newest, release, request_of
from baton_orchestrator.steps import Catalog, Payloads, dispatch, repeat, require_project


def retry_task(state: Project, command: c.RetryTask, origin: UUID, catalog: Catalog) -> Payloads:
    """Do a failed task again: one that was rejected by a new task that is told why, any other under a new attempt.

    A project that had failed is open again, and what it missed meanwhile follows.
    """
    task = _failed_task(state, command)
    request = request_of(state, task)
    if request and request.status == "rejected":
        again = repeat(state, task, request.response, origin, catalog)
    else:
        again = dispatch(task, "retried")
    if state.status == "active":
        return again
    reopened = e.ProjectReopened(reason=f"The task of the {task.created.agent_type} is tried again")
    begun: Payloads = (reopened, *again)
    others = [one for one in state.tasks.values() if one is not task]
    after = reduce(evolve, begun, state)
    return (*begun, *release(after, others, origin, catalog))


def _failed_task(state: Project, command: c.RetryTask) -> Task:
    """Return the task that is to be done again. Raises `Refused` where it cannot be."""
    require_project(state, command.project_id)
    task = state.tasks.get(command.task_id)
    if task is None:
        raise c.Refused(404, "Unknown task", f"There is no task {command.task_id} in this project.")
    if over := _over(state, task):
        raise c.Refused(409, "Task cannot be retried", over)
    if task.status != "failed":
        raise c.Refused(409, "Task has not failed", f"The task is {task.status}; only a failed one can be retried.")
    if not is_newest(state, task):
        raise c.Refused(409, "Task was repeated", "A later task does this step already; retry that one if it failed.")
    return task


def _over(state: Project, task: Task) -> str:
    """Say why nothing of the task's project or execution can be retried; an empty text where it can."""
    if state.cancelled:
        return "The project was cancelled; create a new project."
    if state.status == "completed" or state.executions[task.created.execution_id].closed:
        return "What the task belongs to is complete; execute the workflow again."
    if state.paused:
        return "The project is paused; resume it, then retry the task."
    return ""
