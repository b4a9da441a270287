"""The hint that the log has grown: read now, rather than at the next poll.

It may be lost: followers read by position and poll with a ceiling. Within a process it is a function call that hands
over what was appended; between processes a coalesced NOTIFY that carries nothing, sent after the commit and outside the
append.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

import structlog

from baton_contracts.events import Event
from baton_eventlog.database import UNAVAILABLE, close_quietly, connect
from baton_eventlog.tail import Tail

log = structlog.get_logger("baton.signal")
_CHANNEL: Final = "baton_log"
_RETRY: Final = 0.5


class LogSignal:
    """One LISTEN connection a process, and the events that its followers wait on."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._me = str(uuid4())
        self._listeners: set[asyncio.Event] = set()
        self.tail = Tail()
        self._appended = asyncio.Event()

    def fire(self, appended: Sequence[Event] = ()) -> None:
        """Wake this process's followers now, with what it has appended, and those of the others soon."""
        self.tail.add(appended)
        self._wake()
        self._appended.set()

    def _wake(self) -> None:
        for listener in self._listeners:
            listener.set()

    @contextlib.contextmanager
    def listening(self) -> Any:  # noqa: ANN401 - an Iterator of asyncio.Event
        """Give an event that is set whenever the log may have grown."""
        event = asyncio.Event()
        self._listeners.add(event)
        try:
            yield event
        finally:
            self._listeners.discard(event)

    async def run(self) -> None:
        """Listen and notify until cancelled, over a connection that is made again whenever it dies."""
        while True:
            connection = None
            try:
                connection = await connect(self._dsn, name="baton-signal")
                connection.add_termination_listener(lambda _: self._appended.set())  # so that a dead one is noticed
                await connection.add_listener(_CHANNEL, self._heard)
                self._wake()  # something may have come while nobody listened
                while True:
                    await self._appended.wait()
                    self._appended.clear()
                    await connection.execute("SELECT pg_notify($1, $2)", _CHANNEL, self._me)
            except UNAVAILABLE as error:
                log.warning("signal_waits_for_postgresql", error=type(error).__name__)
                await asyncio.sleep(_RETRY)
            finally:
                await close_quietly(connection)

    def _heard(self, _connection: object, _pid: int, _channel: str, sender: object) -> None:
        if sender != self._me:
            self._wake()
