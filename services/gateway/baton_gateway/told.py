"""An event as sockets are told of it: its frames, encoded once for all who want the same of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import orjson

from baton_contracts.events import Event
from baton_contracts.frames import AGENT_EVENTS, Frame, Standing, frames_of, numbered
from baton_gateway.reading import READS, Pool, fetch

Types = frozenset[str]
EVERY_TYPE: Final[Types] = frozenset()
_SHORT: Final = 126
_MEDIUM: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Interest:
    """What a subscription asks for: one project's events or all, and of them the frames of some types or all."""

    project_id: UUID | None = None
    types: Types = EVERY_TYPE


class Told:
    """One event: what it makes is built when the first socket wants it, and kept for the others."""

    __slots__ = ("_encoded", "_frames", "position", "project_id")

    def __init__(self, event: Event, standing: Standing | None = None) -> None:
        self.position: Final = event.position
        self.project_id: Final = event.project_id
        self._frames: Final = frames_of(event, standing)
        self._encoded: dict[Types, bytes] = {}

    def wire(self, types: Types) -> bytes:
        """Return the frames of these types (none named: all) as WebSocket frames, one after the other."""
        encoded = self._encoded.get(types)
        if encoded is None:
            encoded = self._encoded[types] = b"".join(map(text_frame, numbered(self._frames, types)))
        return encoded


def text_frame(content: Frame | Mapping[str, object]) -> bytes:
    """Return JSON as one unmasked text frame (RFC 6455, 5.2), ready for the wire."""
    payload = orjson.dumps(content)
    length = len(payload)
    if length < _SHORT:
        return bytes((0x81, length)) + payload
    if length < _MEDIUM:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload


async def tell(pool: Pool, events: Sequence[Event]) -> list[Told]:
    """Return events with what their agents do after them, which the tables must show by now."""
    standings = await _standings(pool, [event.id for event in events if event.type in AGENT_EVENTS])
    return [Told(event, standings.get(event.id)) for event in events]


async def _standings(pool: Pool, events: list[UUID]) -> dict[UUID, Standing]:
    if not events:
        return {}
    rows = await fetch(pool, READS["standings_of_events"], events)
    return {row["id"]: Standing(row["status"], row["current_task_id"]) for row in rows}
