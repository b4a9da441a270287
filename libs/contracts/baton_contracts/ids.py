"""Ids that follow from other ids, so that deciding twice names the same things."""

import re
from typing import Annotated, Final
from uuid import UUID, uuid5

from pydantic import BeforeValidator, Field, WithJsonSchema

ID_PATTERN: Final = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"

SYSTEM_STREAM: Final = UUID("00000000-0000-4000-8000-000000000000")
"""The reserved stream of what belongs to no project (a definition registered, an agent reset)."""

SYSTEM_ACTOR: Final = "system"


def _written_out(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(ID_PATTERN, value):
        raise ValueError("it must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")
    return value


Id = Annotated[
    UUID,
    Field(strict=False),  # also where a model is strict: JSON has no UUIDs of its own
    BeforeValidator(_written_out),
    WithJsonSchema({"type": "string", "format": "uuid", "pattern": ID_PATTERN}),
]
"""A UUID from outside, in the one form that Baton writes."""


def derive_id(origin: UUID, name: str) -> UUID:
    """Return the id of the thing called `name` that came from `origin` (a command, an event, a task)."""
    return uuid5(origin, name)
