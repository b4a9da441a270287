"""The definitions that decisions use: today's from the folder, and those that running executions are bound to."""

from collections.abc import Collection, Iterable
from uuid import UUID

import asyncpg

from baton_contracts.definitions import Definitions, Team, Workflow
from baton_contracts.events import DefinitionRegistered
from baton_contracts.ids import SYSTEM_ACTOR, SYSTEM_STREAM, derive_id
from baton_contracts.project import Project
from baton_contracts.routes import ORCHESTRATOR
from baton_eventlog.append import Append, NewEvent
from baton_eventlog.sql import QUERIES


class FolderCatalog:
    """Offers what the folder defines; keeps what the log registered, by hash."""

    def __init__(self, definitions: Definitions, pool: asyncpg.Pool) -> None:
        self._definitions = definitions
        self._pool = pool
        self._registered: dict[str, Workflow] = {}

    def offered(self, workflow_id: str) -> Workflow | None:
        """Return the current definition under an id."""
        return self._definitions.workflows.get(workflow_id)

    def team(self, team_id: str) -> Team | None:
        """Return the team of that id."""
        return self._definitions.teams.get(team_id)

    def agents(self) -> Collection[str]:
        """Return the ids of the agents that the folder defines."""
        return self._definitions.agents.keys()

    def registered(self, definition_hash: str) -> Workflow:
        """Return the definition of that hash; `prepare` has loaded it."""
        return self._registered[definition_hash]

    def registrations(self) -> list[Append]:
        """Return the commands that register every workflow of the folder, once a hash."""
        return [_registration(workflow) for workflow in self._definitions.workflows.values()]

    async def prepare(self, states: Iterable[Project]) -> None:
        """Load the definitions that the executions of these projects are bound to."""
        bound = {run.started.definition_hash for state in states for run in state.executions.values()}
        for digest in bound - self._registered.keys():
            found = await self._pool.fetchval(QUERIES["definition"], SYSTEM_STREAM, digest)
            if found is not None:
                self._registered[digest] = Workflow.model_validate_json(found)


def _registration(workflow: Workflow) -> Append:
    digest = workflow.digest()
    registered = DefinitionRegistered(kind="workflow", hash=digest, definition=workflow.model_dump(mode="json"))
    message_id: UUID = derive_id(SYSTEM_STREAM, digest)
    return Append(
        project_id=SYSTEM_STREAM,
        consumer=ORCHESTRATOR,
        events=[NewEvent.of(registered)],
        expected=None,
        actor=SYSTEM_ACTOR,
        message_id=message_id,
    )
