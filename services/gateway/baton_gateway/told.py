"""An event as sockets are told of it: its frames, encoded once for all who listen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import orjson

from baton_contracts.events import AgentReset, Event
from baton_contracts.frames import AGENT_EVENTS, Frame, Standing, frames_of
from baton_gateway.project_tenants import ProjectTenants
from baton_gateway.reading import READS, Pool, fetch

Types = frozenset[str]
Scope = UUID | str | None
"""What somebody hears of: one project, a tenant with its projects, or (None) everything."""
EVERY_TYPE: Final[Types] = frozenset()
_SHORT: Final = 126
_MEDIUM: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Interest:
    """What a subscription asks for: the events of a scope, and of them the frames of some types or all."""

    scope: Scope = None
    types: Types = EVERY_TYPE

    @property
    def project_id(self) -> UUID | None:
        """The one project that it asks for, None where it asks for more."""
        return self.scope if isinstance(self.scope, UUID) else None


class Told:
    """One event: its frames as JSON, each without its number, which depends on the types that are wanted.

    `scopes` are those that it belongs to; what is `common` concerns every tenant, whatever its name.
    """

    __slots__ = ("_every", "_frames", "common", "position", "scopes", "size")

    def __init__(self, event: Event, standing: Standing | None = None, tenant: str | None = None) -> None:
        if reset := isinstance(event.payload, AgentReset):
            tenant = event.payload.tenant
        self.position: Final = event.position
        self.common: Final = reset and tenant is None
        self.scopes: Final = scopes_of(event.project_id, tenant)
        self._frames = [(frame["event_type"], orjson.dumps(frame)) for frame in frames_of(event, standing)]
        self._every: bytes | None = None
        self.size: Final = sum(len(frame) for _, frame in self._frames)

    def concerns(self, scope: Scope) -> bool:
        """Tell whether those of a scope are to hear of it."""
        return scope in self.scopes or (self.common and isinstance(scope, str))

    def wire(self, types: Types) -> bytes:
        """Return the frames of these types (none named: all) as WebSocket frames, one after the other."""
        if types:
            return _numbered([frame for name, frame in self._frames if name in types])
        if self._every is None:
            self._every = _numbered([frame for _, frame in self._frames])
        return self._every


def scopes_of(project_id: UUID, tenant: str | None) -> tuple[Scope, ...]:
    """Return the scopes of what concerns a project; where its tenant is not known, no tenant hears of it."""
    return (None, project_id) if tenant is None else (None, project_id, tenant)


def _numbered(frames: Sequence[bytes]) -> bytes:
    """Return frames with their numbers, ready for the wire."""
    return b"".join(
        _text_frame(b'%b,"part":%d,"parts":%d}' % (frame[:-1], part, len(frames)))
        for part, frame in enumerate(frames, start=1)
    )


def text_frame(content: Frame | Mapping[str, object]) -> bytes:
    """Return JSON as one text frame, ready for the wire."""
    return _text_frame(orjson.dumps(content))


def _text_frame(payload: bytes) -> bytes:
    """Return one unmasked text frame (RFC 6455, 5.2)."""
    length = len(payload)
    if length < _SHORT:
        return bytes((0x81, length)) + payload
    if length < _MEDIUM:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload


async def tell(pool: Pool, tenants: ProjectTenants, events: Sequence[Event]) -> list[Told]:
    """Return events with their tenants, and with what their agents do after them; the tables must show them by now."""
    standings = await _standings(pool, [event.id for event in events if event.type in AGENT_EVENTS])
    owners = await tenants.of_events(events)
    return [Told(event, standings.get(event.id), owners.get(event.project_id)) for event in events]


async def _standings(pool: Pool, events: list[UUID]) -> dict[UUID, Standing]:
    if not events:
        return {}
    rows = await fetch(pool, READS["standings_of_events"], events)
    return {row["id"]: Standing(row["status"], row["current_task_id"]) for row in rows}
