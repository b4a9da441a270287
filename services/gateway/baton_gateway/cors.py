"""CORS: what lets pages of the sites in BATON_ALLOWED_ORIGINS read the answers; off while there are none.

Every answer, a refusal too, names the site that may read it, and none is ever for all sites or for a browser's own
credentials: whoever asks brings a key in a header. Since answers differ by `Origin` then, they say so to caches.
"""

from collections.abc import Sequence
from typing import Final

from aiohttp import hdrs, web

from baton_gateway.origins import Neighbourhood
from baton_gateway.problems import Handler

_MAX_AGE: Final = "600"
_SENT: Final = "Authorization, Content-Type, Idempotency-Key, If-None-Match"
_READ: Final = (
    "Baton-Position, Content-Disposition, ETag, Location, Retry-After, Allow, WWW-Authenticate, Baton-Request-Id"
)


def share(app: web.Application, neighbourhood: Neighbourhood) -> None:
    """Have an application answer the pages of other sites that are listed, if any are."""
    if not neighbourhood.shares:
        return

    @web.middleware
    async def preflights(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Tell a browser that asks before it sends a request of a page what may be sent; it needs no key."""
        methods = _asked_methods(request)
        if not methods:
            return await handler(request)
        neighbourhood.check_host(request)
        if not _listed(request, neighbourhood):
            neighbourhood.check_origin(request)  # which says what to do about a site that is not listed
            return await handler(request)
        headers = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: ", ".join(sorted(methods)),
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: _SENT,
            hdrs.ACCESS_CONTROL_MAX_AGE: _MAX_AGE,
        }
        return web.Response(status=204, headers=headers)

    async def tell(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.add(hdrs.VARY, hdrs.ORIGIN)
        if origin := _listed(request, neighbourhood):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _READ

    app.middlewares.append(preflights)
    app.on_response_prepare.append(tell)


def _asked_methods(request: web.Request) -> Sequence[str]:
    """Return the methods of the path that a preflight is about; none where the request is no preflight."""
    refusal = request.match_info.http_exception
    if request.method != hdrs.METH_OPTIONS or hdrs.ACCESS_CONTROL_REQUEST_METHOD not in request.headers:
        return ()
    return list(refusal.allowed_methods) if isinstance(refusal, web.HTTPMethodNotAllowed) else ()


def _listed(request: web.Request, neighbourhood: Neighbourhood) -> str | None:
    """Return the one origin of a request where it is listed."""
    origins = request.headers.getall(hdrs.ORIGIN, ())
    return origins[0] if len(origins) == 1 and neighbourhood.is_listed(origins[0]) else None
