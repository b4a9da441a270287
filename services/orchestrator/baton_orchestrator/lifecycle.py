"""How people hold a project, let it go on, and end it before its end."""

from collections.abc import Iterator
from uuid import UUID

from baton_contracts import commands as c
from baton_contracts import events as e
from baton_contracts.project import Project, evolve
from baton_orchestrator.completion import OPEN, newest_execution, steps_done
from baton_orchestrator.following import release
from baton_orchestrator.steps import Catalog, Payloads, require_project


def pause(state: Project, command: c.PauseProject, _origin: UUID, _catalog: Catalog) -> Payloads:
    """Begin nothing new; what is at work is finished, and people may still answer."""
    _require_active(state, command)
    if state.paused:
        raise c.Refused(409, "Project is paused", "The project is paused already; resume it to go on.")
    return (e.ProjectPaused(),)


def resume(state: Project, command: c.ResumeProject, origin: UUID, catalog: Catalog) -> Payloads:
    """Go on, with everything that was withheld."""
    _require_active(state, command)
    if not state.paused:
        raise c.Refused(409, "Project is not paused", "The project is not paused, so there is nothing to resume.")
    resumed = e.ProjectResumed()
    after = evolve(state, resumed)
    return (resumed, *release(after, after.tasks.values(), origin, catalog))


def cancel(state: Project, command: c.CancelProject, _origin: UUID, _catalog: Catalog) -> Payloads:
    """End a project and all that is open in it, for good."""
    _require_active(state, command)
    reason = cancellation(command)
    return (*_end_all(state, reason), e.ProjectFailed(reason=reason, cancelled=True))


def cancellation(command: c.CancelProject) -> str:
    """Return why a project failed that was cancelled."""
    return f"Cancelled: {command.reason}"


def force_complete(state: Project, command: c.ForceComplete, _origin: UUID, _catalog: Catalog) -> Payloads:
    """Say that what there is will do: end all that is open, and complete the project; one that has failed, too."""
    require_project(state, command.project_id)
    if state.status == "completed":
        raise c.Refused(409, "Project is over", "The project is completed already; there is nothing to force.")
    done, total = steps_done(state)
    message = f"The project was force-completed with {done} of {total} steps done"
    ended = _end_all(state, "The project was force-completed")
    completed = e.ProjectCompleted(
        execution_id=newest_execution(state), message=message, forced=True, bundled=bool(state.outputs())
    )
    return (*ended, completed)


def _require_active(state: Project, command: c.Command) -> None:
    require_project(state, command.project_id)
    if state.status != "active":
        raise c.Refused(409, "Project is over", f"The project is {state.status}; only one that is active can do this.")


def _end_all(state: Project, reason: str) -> Iterator[e.Payload]:
    """Reject what waits for a person, which ends its task, and fail every other task that is open."""
    pending = {one.asked.task_id: one.asked for one in state.requests.values() if one.status == "pending"}
    for asked in pending.values():
        yield e.HitlResponse(
            request_id=asked.request_id,
            task_id=asked.task_id,
            agent_type=asked.agent_type,
            action="rejected",
            response=reason,
        )
    for task_id, task in state.tasks.items():
        if task.status in OPEN and task_id not in pending:
            agent_type = task.created.agent_type
            yield e.TaskFailed(
                task_id=task_id, agent_type=agent_type, attempt=task.attempt, reason=reason, stopped=True
            )
