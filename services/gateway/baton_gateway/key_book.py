"""The book of API keys: made, listed and revoked here, by whoever owns the database.

A key's text is given once, when it is made; the table keeps its sha256. A name is never used again, for the log names
the key by it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol
from uuid import UUID

import asyncpg

from baton_gateway.bearer import SHORT, bearer_in, new_bearer
from baton_gateway.keys import KEY_PREFIX
from baton_gateway.principal import GrantedRole
from baton_gateway.reading import READS

NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9._@-]{0,63}$"
_BEGINNING: Final = re.compile(r"[0-9a-f]{4,32}")
State = Literal["valid", "expired", "revoked"]


class NameTaken(Exception):
    """Another key has the name, or had it before it was revoked."""


class Rows(Protocol):
    """Whatever statements are sent to: a connection or a pool."""

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Return a statement's rows."""
        ...


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """What is known of a key, without its secret; `tenant` is None for an admin of no tenant."""

    id: UUID
    name: str
    role: GrantedRole
    tenant: str | None
    created_at: datetime
    expires_at: datetime | None
    state: State

    @property
    def short_id(self) -> str:
        """The beginning of its id."""
        return self.id.hex[:SHORT]


async def add_key(
    database: Rows, role: GrantedRole, tenant: str | None, *, name: str | None = None, days: int | None = None
) -> tuple[KeyEntry, str]:
    """Make a key, for so many `days` or without an end; return it and its text. Raises `NameTaken`."""
    bearer = new_bearer()
    called = name or bearer.id.hex[:SHORT]
    rows = await database.fetch(READS["add_key"], bearer.id, bearer.hash, called, role, tenant, days)
    if not rows:
        raise NameTaken(called)
    return KeyEntry(**rows[0]), bearer.text(KEY_PREFIX)


async def list_keys(database: Rows) -> list[KeyEntry]:
    """Return all keys, those that count no more too, oldest first."""
    return [KeyEntry(**row) for row in await database.fetch(READS["list_keys"])]


async def revoke_key(database: Rows, key_id: UUID) -> bool:
    """Revoke a key, from the next request on; tell whether it was not revoked before."""
    return bool(await database.fetch(READS["revoke_key"], key_id))


def matching(keys: Sequence[KeyEntry], said: str) -> list[KeyEntry]:
    """Return the key of a name, else those whose id begins so; what somebody found as a whole key names it too."""
    found = bearer_in(said, KEY_PREFIX)
    beginning = found.id.hex if found else said.lower().replace("-", "")
    named = [key for key in keys if key.name == said]
    begun = [key for key in keys if _BEGINNING.fullmatch(beginning) and key.id.hex.startswith(beginning)]
    return named or begun
