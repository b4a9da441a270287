"""Ids that follow from other ids, so that deciding twice names the same things."""

from typing import Final
from uuid import UUID, uuid5

SYSTEM_STREAM: Final = UUID("00000000-0000-4000-8000-000000000000")
"""The reserved stream of what belongs to no project (a definition registered, an agent reset)."""

SYSTEM_ACTOR: Final = "system"


def derive_id(origin: UUID, name: str) -> UUID:
    """Return the id of the thing called `name` that came from `origin` (a command, an event, a task)."""
    return uuid5(origin, name)
