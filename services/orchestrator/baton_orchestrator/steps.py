"""What decisions on steps share: the definitions that they ask for, and the task that a step amounts to."""

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from baton_contracts import events as e
from baton_contracts.definitions import Step, Team, Workflow
from baton_contracts.handoffs import HandoffSchema
from baton_contracts.ids import derive_id

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


def task_for(
    workflow: Workflow,
    step: Step,
    execution_id: UUID,
    handoff: HandoffSchema,
    origin: UUID,
    feedback: tuple[str, ...] = (),
) -> e.TaskCreated:
    """Return the handoff to a step's agent; ids follow from the message that led to it."""
    made_by = {earlier.creates: earlier.handoff_type for earlier in workflow.steps}
    return e.TaskCreated(
        task_id=derive_id(origin, f"task:{step.id}"),
        execution_id=execution_id,
        step_id=step.id,
        agent_type=step.agent,
        instructions=step.instructions,
        output_type=step.handoff_type,
        requires=tuple(made_by[name] for name in step.requires if name in made_by),
        gate=step.gate,
        feedback=feedback,
        handoff=handoff,
    )
