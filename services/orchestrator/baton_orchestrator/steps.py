"""What decisions on steps share: the definitions that they ask for, and the task that a step amounts to."""

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from baton_contracts import events as e
from baton_contracts.commands import Refused
from baton_contracts.definitions import Step, Team, Workflow
from baton_contracts.handoffs import HandoffSchema
from baton_contracts.ids import derive_id
from baton_contracts.project import Project, Task
from baton_orchestrator.instructions import instructions_for

Payloads = tuple[e.Payload, ...]


class Catalog(Protocol):
    """The definitions that a decision may need."""

    def offered(self, workflow_id: str) -> Workflow | None:
        """Return the current definition under an id, for a new execution."""

    def registered(self, definition_hash: str) -> Workflow:
        """Return the definition that a running execution is bound to."""

    def team(self, team_id: str) -> Team | None:
        """Return the team of that id."""

    def agents(self) -> Collection[str]:
        """Return the ids of the agents that there are."""


def require_project(state: Project, project_id: UUID, pointer: str = "") -> e.ProjectCreated:
    """Return how a project was created. Raises `Refused` where there is none."""
    if state.created is None:
        raise Refused(404, "Unknown project", f"There is no project {project_id}; check the id.", pointer)
    return state.created


def workflow_of(state: Project, task: Task, catalog: Catalog) -> Workflow:
    """Return the definition that a task's execution is bound to."""
    return catalog.registered(state.executions[task.created.execution_id].started.definition_hash)


def task_for(
    workflow: Workflow,
    step: Step,
    started: e.WorkflowStarted,
    handoff: HandoffSchema,
    origin: UUID,
    feedback: tuple[str, ...] = (),
) -> e.TaskCreated:
    """Return the handoff to a step's agent in an execution; ids follow from the message that led to it."""
    made_by = {earlier.creates: earlier.handoff_type for earlier in workflow.steps}
    return e.TaskCreated(
        task_id=derive_id(origin, f"task:{started.execution_id}:{step.id}"),
        execution_id=started.execution_id,
        step_id=step.id,
        agent_type=step.agent,
        instructions=instructions_for(step.instructions, started),
        output_type=step.handoff_type,
        requires=tuple(made_by[name] for name in step.requires if name in made_by),
        gate=step.gate,
        feedback=feedback,
        handoff=handoff,
    )


def dispatch(task: Task, reason: str, *, gate: bool | None = None, feedback: tuple[str, ...] | None = None) -> Payloads:
    """Send a task out again under the next attempt; gate and feedback are kept where none are given."""
    again = e.TaskDispatched(
        task_id=task.created.task_id,
        agent_type=task.created.agent_type,
        attempt=task.attempt + 1,
        gate=task.gate if gate is None else gate,
        feedback=task.feedback if feedback is None else feedback,
        reason=reason,
        handoff=task.handoff,
    )
    return (again,)


def repeat(state: Project, task: Task, feedback: str, origin: UUID, catalog: Catalog) -> Payloads:
    """Open a new task for the same step, which is told what was wrong with the one before."""
    workflow, started = workflow_of(state, task, catalog), state.executions[task.created.execution_id].started
    step = workflow.step(task.created.step_id)
    return (task_for(workflow, step, started, task.handoff, origin, (*task.feedback, feedback)),)
