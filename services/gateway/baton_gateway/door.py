"""The door: whether a request comes in, and as whom. Every route passes it before anything else of the request is read.

In this order: the Host that was asked for (421), the Origin of the page that asks (403), who it is (401), how much of
everything they had (429), and what they may do (403). Which tenant something belongs to is asked where it is read: what
is another's is not there (404).
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from baton_gateway.credentials import Credentials
from baton_gateway.origins import Neighbourhood
from baton_gateway.principal import ANYBODY, OWNER, Principal
from baton_gateway.problems import Denied
from baton_gateway.rate import Limiter

if TYPE_CHECKING:
    from baton_gateway.route import Route

log = structlog.get_logger("baton.door")
_SAFE: Final = "GET"


class Door:
    """Lets requests in, or not. Without `credentials` everybody is let in as the owner of the machine."""

    def __init__(self, neighbourhood: Neighbourhood, limiter: Limiter, credentials: Credentials | None) -> None:
        self.neighbourhood = neighbourhood
        self._limiter = limiter
        self._credentials = credentials

    @property
    def guarded(self) -> bool:
        """Whether anybody is asked who they are."""
        return self._credentials is not None

    async def enter(self, request: web.Request, route: "Route") -> Principal:
        """Return who asks. Raises `Denied`, and `Unavailable` while nobody can tell who it is."""
        principal = ANYBODY
        try:
            self._check_where_from(request, route)
            if route.role != "public":
                principal = await self._identify(request, route)
            if not route.any_host:  # a probe must not fail for what strangers behind the same address ask
                self._limiter.take(_payer(request, principal))
            _authorise(principal, route)
        except Denied as denied:
            answer = self._counted(denied, principal, request)
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS or self._limiter.tells(_payer(request, principal)):
                _note(answer, principal, request, route)
            raise answer from denied.__cause__
        return principal

    def wait(self, principal: Principal) -> float:
        """Count a message on a socket as a request; return the seconds to wait before the next is read."""
        return self._limiter.wait(_whose(principal))

    async def _identify(self, request: web.Request, route: "Route") -> Principal:
        if self._credentials is None:
            return OWNER
        return await self._credentials.principal_of(request, ticket=route.opens_socket)

    def _check_where_from(self, request: web.Request, route: "Route") -> None:
        """Raise `Denied` (421, 403) for what comes by a name that is not ours, or from a page of another site."""
        if not route.any_host:
            self.neighbourhood.check_host(request)
        if route.method != _SAFE or route.opens_socket:
            self.neighbourhood.check_origin(request)
        elif not self.guarded and route.role != "public":
            self.neighbourhood.check_reader(request)

    def _counted(self, denied: Denied, principal: Principal, request: web.Request) -> Denied:
        """Return the refusal to answer with: 429 where an address was refused too often before anybody was known."""
        if principal is ANYBODY and denied.status != HTTPStatus.TOO_MANY_REQUESTS:
            try:
                self._limiter.fail(_address(request))
            except Denied as too_many:
                return too_many
        return denied


def _whose(principal: Principal) -> str:
    return f"{principal.tenant}:{principal.actor}"


def _note(denied: Denied, principal: Principal, request: web.Request, route: "Route") -> None:
    """Log who was denied what."""
    asked = {"method": route.method, "route": route.path, "address": request.remote}
    said = {"actor": principal.actor, "claimed": denied.claimed, "reason": str(denied)}
    log.warning("denied", status=denied.status, **said, **asked)


def _payer(request: web.Request, principal: Principal) -> str:
    return _address(request) if principal is ANYBODY else _whose(principal)


def _address(request: web.Request) -> str:
    return f"address:{request.remote}"


def _authorise(principal: Principal, route: "Route") -> None:
    """Raise `Denied` (403) for what somebody may not do."""
    if not principal.may(route.role):
        raise Denied(403, "Not allowed", f"This takes the role {route.role}; {principal.actor} has {principal.role}.")
    if route.spans_tenants and principal.tenant is not None:
        detail = (
            f"This concerns every tenant, so it takes an admin without one; {principal.actor} is of {principal.tenant}."
        )
        raise Denied(403, "Not allowed", detail)
