"""What resetting an agent comes to, once the tasks that it held were dispatched again."""

from typing import ClassVar
from uuid import UUID

from baton_contracts import commands as c
from baton_contracts.events import AgentReset
from baton_contracts.project import Project
from baton_contracts.routes import ORCHESTRATOR
from baton_orchestrator.steps import Catalog


class RecordReset(c.Command):
    """An agent's tasks were dispatched again: say so. It never travels over the bus."""

    command_type: ClassVar[str] = "record_reset"
    owner: ClassVar[str] = ORCHESTRATOR
    agent_type: str
    tasks: tuple[UUID, ...]


def record_reset(_state: Project, command: RecordReset, _origin: UUID, catalog: Catalog) -> tuple[AgentReset]:
    """Return the event that sets an agent back to idle. Raises `Refused` for an agent that nobody defined."""
    if command.agent_type not in catalog.agents():
        raise c.Refused(404, "Unknown agent", f"There is no agent {command.agent_type}.")
    return (AgentReset(agent_type=command.agent_type, tasks=command.tasks),)
