"""The socket: `/ws`, narrowed to one project by `?project_id=`."""

from typing import Final
from uuid import UUID

from aiohttp import web

from baton_gateway.parameters import check_id
from baton_gateway.route import Call, Route


async def listen(call: Call[None]) -> web.WebSocketResponse:
    """Send every event's frames from now on until the client or the gateway ends it."""
    wanted = call.request.query.getall("project_id", [])
    for value in wanted:
        check_id("/query/project_id", value)
    return await call.gateway.sockets.serve(call.request, UUID(wanted[-1]) if wanted else None)


ROUTES: Final = (Route("GET", "/ws", "viewer", listen),)
