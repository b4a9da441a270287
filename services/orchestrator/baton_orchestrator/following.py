"""What follows for a task from the state alone: whoever comes late, or again, comes to the same.

While a project is paused, what follows is withheld, but for a question to a person and the project's failure.
`release` makes up for all that was withheld, or missed while the project was over.
"""

from collections.abc import Iterable
from functools import reduce
from typing import Final
from uuid import UUID

from baton_contracts import events as e
from baton_contracts.handoffs import HandoffSchema
from baton_contracts.ids import derive_id
from baton_contracts.project import Project, Request, Task, evolve
from baton_orchestrator.completion import complete_if_done
from baton_orchestrator.steps import Catalog, Payloads, dispatch, repeat, task_for, workflow_of

MAX_REJECTIONS: Final = 3
_NEVER_WITHHELD: Final = (e.HitlRequest, e.ProjectFailed)


def follow(state: Project, task: Task, origin: UUID, catalog: Catalog) -> Payloads:
    """Return what follows for one task now: nothing where it stands already, is withheld, or nothing goes on."""
    if not is_going_on(state, task):
        return ()
    following = _following(state, task, origin, catalog)
    return tuple(one for one in following if not state.paused or isinstance(one, _NEVER_WITHHELD))


def _following(state: Project, task: Task, origin: UUID, catalog: Catalog) -> Payloads:
    request = request_of(state, task)
    match task.status:
        case "waiting_for_hitl" if request is None:
            return _ask(state, task, origin, catalog)
        case "waiting_for_hitl" if request and request.status == "amended":
            return dispatch(task, "amended", gate=False, feedback=(*task.feedback, request.response))
        case "completed":
            return _pass_on(state, task, origin, catalog)
        case "failed" if request and request.status == "rejected" and is_newest(state, task):
            return _after_rejection(state, task, request, origin, catalog)
        case _:
            return ()


def release(state: Project, tasks: Iterable[Task], origin: UUID, catalog: Catalog) -> Payloads:
    """Return what follows for all these tasks; those that are pending go out again, those at work are not disturbed.

    A first delivery may have been ignored by its runner. A project that was to fail has failed by itself, so nothing
    of it is left to make up for.
    """
    said: Payloads = ()
    for task in tasks:
        if task.status == "pending" and state.status == "active":
            new = dispatch(task, "the project goes on")
        else:
            new = tuple(one for one in follow(state, task, origin, catalog) if not isinstance(one, e.ProjectFailed))
        state, said = reduce(evolve, new, state), (*said, *new)
    return said


def is_going_on(state: Project, task: Task) -> bool:
    """Tell whether the project and the task's execution go on, if only after a pause."""
    return state.status == "active" and not state.executions[task.created.execution_id].closed


def request_of(state: Project, task: Task) -> Request | None:
    """Return the request that was opened for a task, if one was."""
    found = (one for one in state.requests.values() if one.asked.task_id == task.created.task_id)
    return next(found, None)


def is_newest(state: Project, task: Task) -> bool:
    """Tell whether no later task was opened for the same step."""
    newest = state.tasks_of(task.created.execution_id, task.created.step_id)[-1]
    return newest.created.task_id == task.created.task_id


def _ask(state: Project, task: Task, origin: UUID, catalog: Catalog) -> Payloads:
    created = task.created
    deadline = workflow_of(state, task, catalog).step(created.step_id).deadline
    request = e.HitlRequest(
        request_id=derive_id(origin, f"request:{created.task_id}"),
        task_id=created.task_id,
        agent_type=created.agent_type,
        question=f"Please review the {_title(task)} by the {created.agent_type}: approve it, amend it with your "
        f"own words, or reject it with a reason. {task.message}",
        deadline_seconds=deadline.seconds if deadline else None,
        on_expire=deadline.on_expire if deadline else None,
    )
    return (request,)


def _title(task: Task) -> str:
    return task.created.output_type.replace("_", " ")


def _pass_on(state: Project, task: Task, origin: UUID, catalog: Catalog) -> Payloads:
    """Hand what the task made to the next step's agent, or complete the project after the last."""
    workflow, execution_id = workflow_of(state, task, catalog), task.created.execution_id
    following = workflow.after(task.created.step_id)
    if following is None:
        return complete_if_done(state, execution_id)
    if task.artifact is None or state.tasks_of(execution_id, following.id):
        return ()
    handoff = HandoffSchema(
        project_id=task.handoff.project_id,
        source_agent=task.created.agent_type,
        target_agent=following.agent,
        handoff_type=task.artifact.handoff_type,
        content=task.artifact.handoff_content(),
    )
    return (task_for(workflow, following, state.executions[execution_id].started, handoff, origin),)


def _after_rejection(state: Project, task: Task, request: Request, origin: UUID, catalog: Catalog) -> Payloads:
    """Do the step again, or give up; whoever retries it after that has as many tries again."""
    if len(state.tasks_of(task.created.execution_id, task.created.step_id)) % MAX_REJECTIONS:
        return repeat(state, task, request.response, origin, catalog)
    reason = f"The {_title(task)} was rejected {MAX_REJECTIONS} times, the last time with: {request.response}"
    return (e.ProjectFailed(reason=reason),)
