"""What resetting an agent comes to: which tasks it is about, and once those were dispatched again, that it is idle."""

from typing import ClassVar
from uuid import UUID

from baton_contracts import commands as c
from baton_contracts.events import AgentReset
from baton_contracts.project import Project
from baton_contracts.routes import ORCHESTRATOR
from baton_orchestrator.steps import Catalog, Payloads


class BeginReset(c.Command):
    """Keep what a reset is about: one that is ordered twice is about the same. It never travels over the bus."""

    command_type: ClassVar[str] = "begin_reset"
    owner: ClassVar[str] = ORCHESTRATOR
    orders: tuple[c.ReplaceRunner, ...]


class RecordReset(c.Command):
    """An agent's tasks were dispatched again: say so. It never travels over the bus."""

    command_type: ClassVar[str] = "record_reset"
    owner: ClassVar[str] = ORCHESTRATOR
    agent_type: str
    tasks: tuple[UUID, ...]
    tenant: str | None = None


def begin_reset(_state: Project, _command: BeginReset, _origin: UUID, _catalog: Catalog) -> Payloads:
    """Return nothing: the answer alone is kept."""
    return ()


def record_reset(_state: Project, command: RecordReset, _origin: UUID, catalog: Catalog) -> tuple[AgentReset]:
    """Return the event that sets an agent back to idle. Raises `Refused` for an agent that nobody defined."""
    if command.agent_type not in catalog.agents():
        raise c.Refused(404, "Unknown agent", f"There is no agent {command.agent_type}.")
    return (AgentReset(agent_type=command.agent_type, tasks=command.tasks, tenant=command.tenant),)
