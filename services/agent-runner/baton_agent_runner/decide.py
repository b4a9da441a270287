"""What a runner writes, and when it may: a task is started once an attempt, and ended by whoever started it.

A handoff is validated where it is taken, and an answer with an old attempt, or of a runner that lost the task,
is refused (fencing): it leads to nothing. What is at work is finished whatever became of its project: whoever wants it
stopped ends the task itself.
"""

from uuid import UUID

from pydantic import ValidationError

from baton_contracts import events as e
from baton_contracts.commands import Command, StartTask
from baton_contracts.handoffs import HANDOFF_TYPES, HandoffSchema
from baton_contracts.project import Project, Task

Payloads = tuple[e.Payload, ...]


class ReportProgress(Command):
    """Say how far a running task is."""

    command_type = "report_progress"
    owner = "agent-runner"
    task_id: UUID
    attempt: int
    runner_id: UUID
    progress: int
    stage: str


class EndTask(Command):
    """Write what a running task came to: its last model call, and how it ended."""

    command_type = "end_task"
    owner = "agent-runner"
    task_id: UUID
    attempt: int
    runner_id: UUID
    call: e.LlmCall | None = None
    end: e.TaskComplete | e.TaskFailed


def start_task(state: Project, command: StartTask) -> Payloads:
    """Take the task up, or fail it where its handoff does not fit; nothing where it is not to be had any more."""
    task = state.tasks.get(command.task_id)
    if task is None or task.status != "pending" or task.attempt != command.attempt:
        return ()
    if state.status != "active" or state.paused:  # whoever resumes it dispatches the task again
        return ()
    if flaw := flaw_of(command.handoff):
        return (_failed(task, flaw),)
    return (
        e.TaskStart(
            task_id=command.task_id,
            agent_type=task.created.agent_type,
            attempt=task.attempt,
            runner_id=command.runner_id,
            message=_opening(task),
        ),
    )


def flaw_of(handoff: HandoffSchema) -> str:
    """Say what is wrong with a handoff; an empty text where nothing is."""
    try:
        handoff.typed_content()
    except KeyError:
        known = ", ".join(HANDOFF_TYPES)
        return f"The handoff type {handoff.handoff_type!r} is not known; known are: {known}"
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(map(str, first["loc"]))
        return f"The {handoff.handoff_type} handoff does not fit at {where}: {first['msg']}"
    return ""


def _failed(task: Task, reason: str) -> e.TaskFailed:
    return e.TaskFailed(
        task_id=task.created.task_id,
        agent_type=task.created.agent_type,
        attempt=task.attempt,
        reason=reason,
    )


def _opening(task: Task) -> str:
    made = task.created.output_type.replace("_", " ")
    given = task.handoff.handoff_type.replace("_", " ")
    if task.feedback:
        return f"Working on the {made} again, with the reviewer's words: {task.feedback[-1]}"
    return f"Working on the {made}, from the {given}"


def report_progress(state: Project, command: ReportProgress) -> Payloads:
    """Write progress while the task is still this runner's."""
    task = _held(state, command.task_id, command.attempt, command.runner_id)
    if task is None:
        return ()
    agent_type = task.created.agent_type
    progress = e.TaskProgress(
        task_id=command.task_id, agent_type=agent_type, progress=command.progress, stage=command.stage
    )
    return (progress,)


def end_task(state: Project, command: EndTask) -> Payloads:
    """Write the answer and the end in one append, if the task is still this runner's."""
    if _held(state, command.task_id, command.attempt, command.runner_id) is None:
        return ()
    return (command.call, command.end) if command.call else (command.end,)


def _held(state: Project, task_id: UUID, attempt: int, runner_id: UUID) -> Task | None:
    """Return the task if this runner works on this attempt of it."""
    task = state.tasks.get(task_id)
    if task is None or task.status != "working":
        return None
    return task if (task.attempt, task.runner_id) == (attempt, runner_id) else None


def decide(state: Project, what: object) -> Payloads:
    """Return the events that a handoff, a progress or an end leads to."""
    match what:
        case StartTask():
            return start_task(state, what)
        case ReportProgress():
            return report_progress(state, what)
        case EndTask():
            return end_task(state, what)
        case _:
            raise TypeError(f"The agent-runner takes no {type(what).__name__}")
