"""The one writer of a process: whatever waits goes out in one call, and one call is in flight at most.

A command's future gives its `Outcome`, or `DataRefused` where PostgreSQL will not have its data. While
PostgreSQL is away the appender waits and sends the same batch again: message ids, versions and event ids make
that exact, also where the first try did commit. Callers bring their own deadline. Blobs are committed before the
events that name them, outside the append's lock; an append that is then a conflict leaves them behind, unnamed.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from baton_contracts.events import Event
from baton_eventlog.append import MAX_BYTES, MAX_EVENTS, Append, DataRefused, Outcome, arguments, blob_groups, outcomes
from baton_eventlog.blob_table import keep_blobs
from baton_eventlog.database import UNAVAILABLE, close_quietly, connect
from baton_eventlog.signal import LogSignal
from baton_eventlog.sql import QUERIES

log = structlog.get_logger("baton.appender")
_RETRY: Final = 0.2
_REFUSED: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A command that waits; `broken` holds the streams of its `append` of which an earlier command was not ok."""

    command: Append
    future: "asyncio.Future[Outcome]"
    broken: set[UUID]

    def settle(self, result: Outcome | DataRefused) -> None:
        """Tell its caller how it ended."""
        if isinstance(result, DataRefused) or result.kind != "ok":
            self.broken.add(self.command.project_id)
        if self.future.done():  # its caller gave up
            return
        if isinstance(result, DataRefused):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


class Appender:
    """Batches the appends of a process onto one connection."""

    def __init__(self, dsn: str, signal: LogSignal) -> None:
        self._dsn = dsn
        self._signal = signal
        self._waiting: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._connection: asyncpg.Connection | None = None

    async def append(self, commands: Sequence[Append]) -> list[Outcome | DataRefused]:
        """Write commands, in order; return how each ended.

        However they are spread over calls: after a command that is not ok, later ones of its stream are conflicts.
        """
        loop, broken = asyncio.get_running_loop(), set[UUID]()
        added = [Waiting(command, loop.create_future(), broken) for command in commands]
        self._waiting.extend(added)
        self._arrived.set()
        return await asyncio.gather(*(waiting.future for waiting in added), return_exceptions=True)  # type: ignore[return-value]

    async def run(self) -> None:
        """Send what waits until cancelled."""
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting:
                    await self._send(self._take())
        finally:
            await close_quietly(self._connection)

    def _take(self) -> list[Waiting]:
        """Take as many as one call may hold; a message that is in it already waits for the next."""
        batch: list[Waiting] = []
        events = size = 0
        seen: set[tuple[str, object]] = set()
        while self._waiting:
            command = self._waiting[0].command
            key = (command.consumer, command.message_id or id(command))
            events, size = events + len(command.events), size + command.size
            if batch and (events > MAX_EVENTS or size > MAX_BYTES or key in seen):
                break
            seen.add(key)
            batch.append(self._waiting.popleft())
        return batch

    async def _send(self, batch: Sequence[Waiting]) -> None:
        """Send a batch; one that PostgreSQL refuses is split until the culprit stands alone."""
        sound = [waiting for waiting in batch if waiting.command.project_id not in waiting.broken]
        for waiting in batch:
            if waiting.command.project_id in waiting.broken:  # decided on a state that never was
                waiting.settle(Outcome("conflict", 0, 0, _NEVER))
        if not sound:
            return
        try:
            ended = await self._call([waiting.command for waiting in sound])
        except _REFUSED as error:
            await self._isolate(sound, error)
            return
        appended: list[Event] = []
        for waiting, outcome in zip(sound, ended, strict=True):
            waiting.settle(outcome)
            if outcome.kind == "ok":
                appended += outcome.events(waiting.command)
        self._signal.fire(appended)

    async def _isolate(self, batch: Sequence[Waiting], error: asyncpg.PostgresError) -> None:
        """Refuse the one command of a batch, or try its halves."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._send(batch[:middle])
            await self._send(batch[middle:])
            return
        log.warning("append_refused", sqlstate=error.sqlstate, event_types=_types(batch[0].command))
        batch[0].settle(DataRefused(f"The log cannot hold this data (SQLSTATE {error.sqlstate})"))

    async def _call(self, commands: Sequence[Append]) -> list[Outcome]:
        while True:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect(self._dsn, name="baton-appender")
                for blobs in blob_groups(commands):
                    await keep_blobs(self._connection, blobs)
                (row,) = await self._connection.fetch(QUERIES["append"], *arguments(commands))
            except UNAVAILABLE as error:
                log.warning("append_waits_for_postgresql", error=type(error).__name__)
                await close_quietly(self._connection)
                self._connection = None
                await asyncio.sleep(_RETRY)
            else:
                return outcomes(row)


def _types(command: Append) -> list[str]:
    return [event.payload.event_type for event in command.events]
