"""API keys: who sends one, as the table says at that moment; a key that was revoked is worth nothing at once."""

import hmac
from typing import Final

from baton_gateway.bearer import bearer_in
from baton_gateway.principal import Principal
from baton_gateway.reading import READS, Pool, fetch_row

KEY_PREFIX: Final = "baton_"


class Keys:
    """The keys that the database knows."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def principal_of(self, given: str) -> Principal | None:
        """Return whose key this is, None where it is none, or no more. Raises one of `UNAVAILABLE`."""
        bearer = bearer_in(given, KEY_PREFIX)
        row = await fetch_row(self._pool, READS["valid_keys"], [bearer.id]) if bearer else None
        if bearer is None or row is None or not hmac.compare_digest(row["hash"], bearer.hash):
            return None
        return Principal(f"key:{row['name']}", row["tenant"], row["role"], row["id"], row["expires_at"])
