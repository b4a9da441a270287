"""Tickets: a browser cannot send headers with a WebSocket's handshake, so it brings one of these in the query.

A ticket opens one socket, at any gateway, within half a minute: what a log or a history may keep of the URL is worth
nothing then. It stands for who got it, until when their own key or token ends; of a key that was revoked since, it
opens nothing.
"""

from typing import Final

from pydantic import TypeAdapter

from baton_gateway.bearer import bearer_in, new_bearer
from baton_gateway.principal import Principal
from baton_gateway.reading import READS, Pool, fetch_value

LIFETIME: Final = 30
"""Seconds within which a ticket must be used."""
PREFIX: Final = "ticket_"
_PRINCIPAL: Final = TypeAdapter(Principal)


class Tickets:
    """The tickets that were given and not used."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def issue(self, principal: Principal) -> str:
        """Return a ticket that stands for a principal. Raises one of `UNAVAILABLE`."""
        bearer = new_bearer()
        kept = _PRINCIPAL.dump_json(principal).decode()
        await fetch_value(self._pool, READS["add_ticket"], bearer.id, bearer.hash, kept, LIFETIME)
        return bearer.text(PREFIX)

    async def redeem(self, given: str) -> Principal | None:
        """Use a ticket up; None where it opens nothing. Raises one of `UNAVAILABLE`."""
        bearer = bearer_in(given, PREFIX)
        if bearer is None:
            return None
        kept = await fetch_value(self._pool, READS["redeem_ticket"], bearer.id, bearer.hash)
        return _PRINCIPAL.validate_json(kept) if kept else None
