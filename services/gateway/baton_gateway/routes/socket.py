"""The socket: `/ws`, narrowed to one project by `?project_id=`."""

from typing import Final
from uuid import UUID

from aiohttp import web

from baton_contracts.commands import Refused
from baton_gateway.parameters import check_id
from baton_gateway.problems import unknown_project
from baton_gateway.reading import READS, fetch_value
from baton_gateway.route import Call, Route


async def listen(call: Call[None]) -> web.WebSocketResponse:
    """Send every event's frames from now on until the client or the gateway ends it."""
    wanted = await _wanted(call)
    if call.request.headers.get("Upgrade", "").lower() != "websocket":
        raise Refused(426, "Upgrade required", "Connect to this path as a WebSocket.")
    return await call.gateway.sockets.serve(call.request, wanted)


async def _wanted(call: Call[None]) -> UUID | None:
    """Return the project that a socket is narrowed to. Raises `Invalid`, or `Refused` (404) where there is none."""
    wanted = call.request.query.getall("project_id", [])
    for value in wanted:
        check_id("/query/project_id", value)
    if not wanted:
        return None
    project_id = UUID(wanted[-1])
    if await fetch_value(call.gateway.host.pool, READS["project_known"], project_id) is None:
        raise unknown_project(project_id)
    return project_id


ROUTES: Final = (Route("GET", "/ws", "viewer", listen),)
