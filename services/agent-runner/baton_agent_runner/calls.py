"""The calls that are at work in a runner, and their stopping when somebody else has ended the task.

Only the call is stopped, never the writing of an end that is on its way. What the tables do not show (yet), or cannot
be asked for while PostgreSQL is away, goes on: its end is refused, should the task not be this runner's any more.
"""

import asyncio
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from baton_agent_runner.decide import EndTask
from baton_agent_runner.work import Work
from baton_eventlog.database import UNAVAILABLE
from baton_eventlog.sql import QUERIES

log = structlog.get_logger("baton.calls")
_PERIOD: Final = 0.25  # seconds between two looks
_DEADLINE: Final = 5.0  # seconds that a look may take


class Calls:
    """Runs the work on tasks, each until its end or until it is stopped."""

    def __init__(self) -> None:
        self._running: dict[tuple[UUID, int], asyncio.Task[EndTask]] = {}

    async def run(self, work: Work) -> EndTask | None:
        """Return how a work ended, or None where it was stopped."""
        attempt = (work.task.created.task_id, work.task.attempt)
        self._running[attempt] = running = asyncio.create_task(work.run())
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError:  # the runner stops: so does what it has begun
            running.cancel()
            await asyncio.wait([running])
            raise
        finally:
            del self._running[attempt]
        return None if running.cancelled() else running.result()

    async def watch(self, pool: asyncpg.Pool) -> None:
        """Stop what somebody else has ended, for ever: one look for all that runs, none where nothing does."""
        while True:
            await asyncio.sleep(_PERIOD)
            try:
                await self._look(pool)
            except UNAVAILABLE as error:
                log.warning("watch_waits_for_postgresql", error=type(error).__name__)

    async def _look(self, pool: asyncpg.Pool) -> None:
        if not self._running:
            return
        task_ids, attempts = zip(*self._running, strict=True)
        for row in await pool.fetch(QUERIES["ended_elsewhere"], task_ids, attempts, timeout=_DEADLINE):
            if running := self._running.get((row["task_id"], row["attempt"])):
                running.cancel()
