"""The web application, built from the route table: checks, then the handler, then the headers that all answers have."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from pydantic import BaseModel

from baton_gateway.body import Limits, read_body, refuse_body
from baton_gateway.cors import share
from baton_gateway.documents.document import DOCUMENTS
from baton_gateway.documents.library import documents_of
from baton_gateway.min_position import reach_min_position
from baton_gateway.parameters import check_parameters
from baton_gateway.principal import ANYBODY
from baton_gateway.problems import problems, respond
from baton_gateway.query import read_query
from baton_gateway.route import Call, Gateway, Route
from baton_gateway.routes import ROUTES
from baton_gateway.routes.health import CHECKUP, STOPPING, Checkup, check
from baton_gateway.visitors import welcome

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in ("camera", "microphone", "geolocation", "display-capture", "usb", "serial", "hid", "bluetooth")
    ),
}  # a handler may say one of these for its own answer


def build_app(gateway: Gateway) -> web.Application:
    """Return the application that serves every route."""
    settings = gateway.host.settings
    app = web.Application(middlewares=[problems], client_max_size=settings.max_body_bytes)
    app[DOCUMENTS] = documents_of(ROUTES, list(gateway.definitions.agents), guarded=gateway.door.guarded)
    app[CHECKUP] = Checkup(lambda: check(gateway))
    app[STOPPING] = asyncio.Event()
    for route in ROUTES:
        # A parameter takes whatever stands between slashes: what does not fit is told, not just "not found".
        path = re.sub(r"\{(\w+)\}", r"{\1:[^/]+}", route.path)
        app.router.add_route(route.method, path, _endpoint(route, gateway), expect_handler=_expected)
    app.on_response_prepare.append(_add_headers)
    share(app, gateway.door.neighbourhood)
    app.on_shutdown.append(lambda _: _stop(app, gateway))
    return app


async def _stop(app: web.Application, gateway: Gateway) -> None:
    app[STOPPING].set()
    await gateway.sockets.close()


def _endpoint(route: Route, gateway: Gateway) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    limits = Limits.of(gateway.host.settings)

    async def answer(request: web.Request) -> web.StreamResponse:
        principal = await gateway.door.enter(request, route)
        if principal is not ANYBODY:
            welcome(request)
        parameters = check_parameters(request.match_info)
        query = read_query(request, route.query)
        body = await _body_of(request, route, limits)
        await reach_min_position(query, gateway.freshness)
        return await route.handle(Call(request, gateway, principal, parameters, body, query))

    return answer


async def _body_of(request: web.Request, route: Route, limits: Limits) -> BaseModel | None:
    if route.body:
        return await read_body(request, route.body, limits, required=route.body_required)
    if route.method != "GET":
        await refuse_body(request)
    return None


async def _expected(request: web.Request) -> web.StreamResponse | None:
    """Have a body sent that its client holds back; refuse whatever else it expects."""
    expected = request.headers.getall(hdrs.EXPECT)
    if [one.lower() for one in expected] != ["100-continue"]:
        refusal = respond(request, 417, "Expectation failed", "Expect 100-continue or nothing.")
        refusal.force_close()  # nobody was asked who they are
        return refusal
    if request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # this is no part of the answer
    return None


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    headers = response.headers
    headers["Server"] = "baton"
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
