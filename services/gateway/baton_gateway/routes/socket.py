"""The socket: `/ws` of all projects, `/ws/{project_id}` or `?project_id=` of one."""

from typing import Annotated, Any, Final
from uuid import UUID

from aiohttp import web
from pydantic import Field

from baton_contracts.commands import Refused
from baton_contracts.frames import FrameType
from baton_contracts.ids import Id
from baton_gateway.conversation import converse
from baton_gateway.problems import unknown_project
from baton_gateway.query import Position, Query
from baton_gateway.reading import READS, fetch_value
from baton_gateway.route import Call, Route
from baton_gateway.told import Interest

Types = Annotated[tuple[FrameType, ...], Field(description="only frames of these types")]
Since = Annotated[Position | None, Field(description="first what was missed since this position, then what happens")]
Epoch = Annotated[Id | None, Field(description="the log that `since` is of, as a caught_up frame named it")]


class ProjectSocketQuery(Query):
    """What a socket of one project begins with."""

    types: Types = ()
    since: Since = None
    epoch: Epoch = None


class SocketQuery(ProjectSocketQuery):
    """What a socket begins with."""

    project_id: Id | None = None


async def listen(call: Call[None, SocketQuery]) -> web.WebSocketResponse:
    """Send every event's frames, of all projects or of one, until the client or the gateway ends it."""
    return await _serve(call, call.query.project_id)


async def listen_to_project(call: Call[None, ProjectSocketQuery]) -> web.WebSocketResponse:
    """Send every frame of one project until the client or the gateway ends it."""
    return await _serve(call, call.id("project_id"))


async def _serve(call: Call[None, Any], project_id: UUID | None) -> web.WebSocketResponse:
    """Raises `Refused`: 404 where there is no such project, 426 where this is no handshake."""
    gateway, query = call.gateway, call.query
    if project_id and await fetch_value(gateway.host.pool, READS["project_known"], project_id) is None:
        raise unknown_project(project_id)
    if call.request.headers.get("Upgrade", "").lower() != "websocket":
        raise Refused(426, "Upgrade required", "Connect to this path as a WebSocket.")
    interest = Interest(project_id, frozenset(query.types))
    return await converse(call.request, gateway.sockets, gateway.host.pool, interest, query.since, query.epoch)


ROUTES: Final = (
    Route("GET", "/ws", "viewer", listen, query=SocketQuery, refusals=(404, 426), status=101),
    Route(
        "GET",
        "/ws/{project_id}",
        "viewer",
        listen_to_project,
        query=ProjectSocketQuery,
        refusals=(404, 426),
        status=101,
    ),
)
