"""The web application, built from the route table: checks, then the handler, then the headers that all answers have."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from baton_gateway.body import MAX_BYTES, read_body, refuse_body
from baton_gateway.documents.document import DOCUMENTS
from baton_gateway.documents.library import documents_of
from baton_gateway.min_position import reach_min_position
from baton_gateway.parameters import check_parameters
from baton_gateway.problems import problems
from baton_gateway.query import read_query
from baton_gateway.route import Call, Gateway, Route
from baton_gateway.routes import ROUTES

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}  # a handler may say one of these for its own answer


def build_app(gateway: Gateway) -> web.Application:
    """Return the application that serves every route."""
    app = web.Application(middlewares=[problems], client_max_size=MAX_BYTES)
    app[DOCUMENTS] = documents_of(ROUTES, list(gateway.definitions.agents))
    for route in ROUTES:
        # A parameter takes whatever stands between slashes: what does not fit is told, not just "not found".
        path = re.sub(r"\{(\w+)\}", r"{\1:[^/]+}", route.path)
        app.router.add_route(route.method, path, _endpoint(route, gateway))
    app.on_response_prepare.append(_add_headers)
    app.on_shutdown.append(lambda _: gateway.sockets.close())
    return app


def _endpoint(route: Route, gateway: Gateway) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        principal = await gateway.door.enter(request, route)
        parameters = check_parameters(request.match_info)
        query = read_query(request, route.query)
        body = await _body_of(request, route)
        await reach_min_position(query, gateway.freshness)
        return await route.handle(Call(request, gateway, principal, parameters, body, query))

    return answer


async def _body_of(request: web.Request, route: Route) -> BaseModel | None:
    if route.body:
        return await read_body(request, route.body, required=route.body_required)
    if route.method != "GET":
        await refuse_body(request)
    return None


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    headers = response.headers
    headers["Server"] = "baton"
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
