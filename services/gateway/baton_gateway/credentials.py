"""Credentials: an API key or a token in `Authorization: Bearer`, or on a socket a ticket in the query."""

from typing import Final

import structlog
from aiohttp import web

from baton_gateway.bearer import SHORT, bearer_in
from baton_gateway.keys import KEY_PREFIX, Keys
from baton_gateway.principal import Principal
from baton_gateway.problems import Denied
from baton_gateway.tickets import Tickets
from baton_gateway.tokens import Tokens

log = structlog.get_logger("baton.credentials")
_SCHEME: Final = "bearer"
TICKET: Final = "ticket"


class Credentials:
    """Every kind of credential that this gateway takes; `tokens` where an OpenID provider is set up."""

    def __init__(self, keys: Keys, tickets: Tickets, tokens: Tokens | None) -> None:
        self._keys = keys
        self._tickets = tickets
        self._tokens = tokens

    async def principal_of(self, request: web.Request, *, ticket: bool) -> Principal:
        """Return who a request is from; a `ticket` in its query counts where that is said.

        Raises `Denied` (401), and `Unavailable` while keys or the provider cannot be asked.
        """
        if ticket and TICKET in request.query:
            return await self._of_ticket(request)
        given = bearer_of(request)
        if given.startswith(KEY_PREFIX):
            found = await self._keys.principal_of(given)
        else:
            found = await self._tokens.principal_of(given) if self._tokens else None
        if found is None:
            raise _unknown(given)
        return found

    async def _of_ticket(self, request: web.Request) -> Principal:
        found = await self._tickets.redeem(request.query[TICKET])
        if found is None:
            raise useless_ticket()
        return found


def _unknown(given: str) -> Denied:
    denied = unauthorised("The key or token is not known here, or it has expired or was revoked.", "invalid_token")
    if key := bearer_in(given, KEY_PREFIX):
        denied.claimed = f"key id {key.id.hex[:SHORT]}"
    return denied


def bearer_of(request: web.Request) -> str:
    """Return what stands in `Authorization: Bearer`. Raises `Denied` (401)."""
    given = request.headers.getall("Authorization", [])
    if not given:
        raise unauthorised("Say who you are: send an API key or a token as Authorization: Bearer.")
    scheme, _, value = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != _SCHEME or not value.strip():
        raise unauthorised("Send one header Authorization, as Bearer and an API key or a token.", "invalid_request")
    return value.strip()


def useless_ticket() -> Denied:
    """Return the 401 for a ticket that opens nothing."""
    return unauthorised("The ticket was used already, or has expired: get a new one.", "invalid_token")


def unauthorised(detail: str, error: str = "") -> Denied:
    """Return the 401 for a request of nobody (RFC 6750, 3); `error` is its code."""
    challenge = f'Bearer realm="baton", error="{error}"' if error else 'Bearer realm="baton"'
    return Denied(401, "Not authenticated", detail, headers={"WWW-Authenticate": challenge})
