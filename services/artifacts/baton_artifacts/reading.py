"""What the service reads of the log and the tables; whoever reads waits while PostgreSQL is away."""

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

import asyncpg

from baton_contracts.events import Event
from baton_contracts.project import Project, evolve
from baton_contracts.routes import ARTIFACTS
from baton_eventlog.database import patiently
from baton_eventlog.reader import load
from baton_eventlog.sql import QUERIES as LOG_QUERIES
from baton_eventlog.sql import load_queries

QUERIES: Final[Mapping[str, str]] = load_queries("baton_artifacts", "queries.sql")
_WAITING: Final = "artifacts_wait_for_postgresql"


async def rows(pool: asyncpg.Pool, query: str, *arguments: object) -> list[asyncpg.Record]:
    """Return the rows of a named statement."""
    return await patiently(lambda: pool.fetch(QUERIES[query], *arguments), _WAITING)


async def is_settled(pool: asyncpg.Pool, message_id: UUID | None) -> bool:
    """Tell whether the service has settled a message, so that nothing may be done for it again."""
    return bool(await patiently(lambda: pool.fetchval(LOG_QUERIES["is_settled"], ARTIFACTS, message_id), _WAITING))


async def events_of(pool: asyncpg.Pool, project_id: UUID) -> list[Event]:
    """Return all events of a project as the log has them now. Raises `BlobMissing` where it cannot be read."""
    return await patiently(lambda: load(pool, {project_id: 0}), _WAITING)


def folded(events: Iterable[Event]) -> Project:
    """Return the state that these events lead to."""
    state = Project()
    for event in events:
        state = evolve(state, event.payload)
    return state
