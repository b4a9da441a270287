"""The floor: the same rows, inserted without a question asked."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

import asyncpg

from baton_eventlog.append import Append
from baton_eventlog.sql import load_queries

FLOORS: Final = load_queries("bench", "floors.sql")


class BareRows:
    """Rows as the log would hold them, with the next positions and some hash."""

    def __init__(self) -> None:
        self._positions = count(1)

    def row(self, command: Append) -> list[Any]:
        """Return the columns of the one event of a command."""
        (event,) = command.events
        position = next(self._positions)
        return [
            event.id,
            command.project_id,
            command.causation_id,
            command.correlation_id,
            datetime.now(UTC),
            position,
            (command.expected or 0) + 1,
            1,
            event.payload.event_type,
            command.actor,
            event.json,
            hashlib.sha256(str(position).encode()).digest(),
        ]

    def columns(self, batch: Sequence[Append]) -> list[list[Any]]:
        """Return the columns of a batch, as `unnest` takes them."""
        return [list(column) for column in zip(*(self.row(command) for command in batch), strict=True)]


async def make_floors(connection: asyncpg.Connection) -> None:
    """Make the tables that the floors write to, in a database that has the log."""
    await connection.execute(FLOORS["tables"])
