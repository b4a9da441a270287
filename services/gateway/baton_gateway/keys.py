"""API keys: who sends one, as the table says at that moment; a key that was revoked is worth nothing at once.

An id that nobody has and a secret that is wrong take the same steps and end in the same words.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from baton_gateway.bearer import bearer_in
from baton_gateway.inquiry import Inquiry
from baton_gateway.principal import Principal
from baton_gateway.reading import READS, Pool, fetch

KEY_PREFIX: Final = "baton_"
_NOBODYS: Final = bytes(32)  # compared where there is no row, for the time that it takes


class Keys:
    """The keys that the database knows."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._inquiry = Inquiry(self._look_up)

    async def principal_of(self, given: str) -> Principal | None:
        """Return whose key this is, None where it is none, or no more. Raises one of `UNAVAILABLE`."""
        bearer = bearer_in(given, KEY_PREFIX)
        if bearer is None:
            return None
        row = await self._inquiry.ask(bearer.id)
        right = hmac.compare_digest(row["hash"] if row else _NOBODYS, bearer.hash)
        return _principal(row) if row and right else None

    async def _look_up(self, key_ids: Sequence[UUID]) -> Mapping[UUID, asyncpg.Record]:
        return {row["id"]: row for row in await fetch(self._pool, READS["valid_keys"], list(key_ids))}


def _principal(row: asyncpg.Record) -> Principal:
    return Principal(f"key:{row['name']}", row["tenant"], row["role"], row["id"], row["expires_at"])
