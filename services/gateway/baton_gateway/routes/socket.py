"""The socket: `/ws`, narrowed to one project by `?project_id=`."""

from typing import Final
from uuid import UUID

from aiohttp import web

from baton_contracts.commands import Refused
from baton_contracts.ids import Id
from baton_gateway.problems import unknown_project
from baton_gateway.query import Query
from baton_gateway.reading import READS, fetch_value
from baton_gateway.route import Call, Route


class SocketQuery(Query):
    """What a socket is narrowed to."""

    project_id: Id | None = None


async def listen(call: Call[None, SocketQuery]) -> web.WebSocketResponse:
    """Send every event's frames from now on until the client or the gateway ends it."""
    wanted = await _wanted(call)
    if call.request.headers.get("Upgrade", "").lower() != "websocket":
        raise Refused(426, "Upgrade required", "Connect to this path as a WebSocket.")
    return await call.gateway.sockets.serve(call.request, wanted)


async def _wanted(call: Call[None, SocketQuery]) -> UUID | None:
    """Return the project that a socket is narrowed to. Raises `Invalid`, or `Refused` (404) where there is none."""
    project_id = call.query.project_id
    if project_id is None:
        return None
    if await fetch_value(call.gateway.host.pool, READS["project_known"], project_id) is None:
        raise unknown_project(project_id)
    return project_id


ROUTES: Final = (Route("GET", "/ws", "viewer", listen, query=SocketQuery, refusals=(404, 426), status=101),)
