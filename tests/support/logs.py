"""A log to write to in tests: appender and pool on a fresh database, and short ways to say what to append."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg

from baton_contracts.events import AgentMessage, Payload
from baton_eventlog.append import Append, NewEvent, Outcome
from baton_eventlog.appender import Appender
from baton_eventlog.database import open_pool
from baton_eventlog.migrations import migrate
from baton_eventlog.signal import LogSignal


@dataclass(frozen=True, slots=True)
class Log:
    """An open log."""

    dsn: str
    pool: asyncpg.Pool
    signal: LogSignal
    appender: Appender

    async def append(self, *commands: Append) -> list[Outcome]:
        """Append, expecting that PostgreSQL takes the data."""
        outcomes = await self.appender.append(commands)
        assert all(isinstance(outcome, Outcome) for outcome in outcomes), outcomes
        return [outcome for outcome in outcomes if isinstance(outcome, Outcome)]


@contextlib.asynccontextmanager
async def open_log(dsn: str) -> AsyncIterator[Log]:
    """Open the log in a database, with its schema."""
    await migrate(dsn)
    pool = await open_pool(dsn, name="test")
    signal = LogSignal(dsn)
    log = Log(dsn, pool, signal, Appender(dsn, signal))
    running = [asyncio.create_task(log.appender.run()), asyncio.create_task(signal.run())]
    try:
        yield log
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        pool.terminate()


def message(text: str = "hello") -> Payload:
    """Return an event that any stream takes."""
    return AgentMessage(task_id=uuid4(), agent_type="analyst", message=text)


def command(project: UUID, *payloads: Payload, expected: int | None = None, **fields: object) -> Append:
    """Return a command that appends payloads (one message, where none is given) to a project."""
    events = [NewEvent.of(payload) for payload in (payloads or (message(),))]
    return Append(project_id=project, consumer="test", events=events, expected=expected, actor="tester", **fields)  # type: ignore[arg-type]
