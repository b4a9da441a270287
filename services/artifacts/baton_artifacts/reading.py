"""What the service reads of the log and the tables; whoever reads waits while PostgreSQL is away."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeVar
from uuid import UUID

import asyncpg
import structlog

from baton_contracts.events import Event
from baton_contracts.project import Project, evolve
from baton_contracts.routes import ARTIFACTS
from baton_eventlog.database import UNAVAILABLE
from baton_eventlog.reader import load
from baton_eventlog.sql import QUERIES as LOG_QUERIES
from baton_eventlog.sql import load_queries

log = structlog.get_logger("baton.artifacts")
QUERIES: Final[Mapping[str, str]] = load_queries("baton_artifacts", "queries.sql")
_RETRY: Final = 0.2
T = TypeVar("T")


async def patiently(read: Callable[[], Awaitable[T]]) -> T:
    """Return what there is to read, once PostgreSQL gives it; the caller brings a deadline, if there is to be one."""
    while True:
        try:
            return await read()
        except UNAVAILABLE as error:
            log.warning("artifacts_wait_for_postgresql", error=type(error).__name__)
            await asyncio.sleep(_RETRY)


async def rows(pool: asyncpg.Pool, query: str, *arguments: object) -> list[asyncpg.Record]:
    """Return the rows of a named statement."""
    return await patiently(lambda: pool.fetch(QUERIES[query], *arguments))


async def is_settled(pool: asyncpg.Pool, message_id: UUID | None) -> bool:
    """Tell whether the service has settled a message, so that nothing may be done for it again."""
    return bool(await patiently(lambda: pool.fetchval(LOG_QUERIES["is_settled"], ARTIFACTS, message_id)))


async def events_of(pool: asyncpg.Pool, project_id: UUID) -> list[Event]:
    """Return all events of a project as the log has them now. Raises `BlobMissing` where it cannot be read."""
    return await patiently(lambda: load(pool, {project_id: 0}))


def folded(events: Iterable[Event]) -> Project:
    """Return the state that these events lead to."""
    state = Project()
    for event in events:
        state = evolve(state, event.payload)
    return state
