"""The socket: `/ws` of all projects, `/ws/{project_id}` or `?project_id=` of one."""

from typing import Annotated, Any, Final
from uuid import UUID

from aiohttp import web
from pydantic import Field

from baton_contracts.commands import Refused
from baton_contracts.frames import FrameType
from baton_contracts.ids import Id
from baton_gateway.conversation import converse
from baton_gateway.credentials import useless_ticket
from baton_gateway.problems import unknown_project
from baton_gateway.query import Position, Query
from baton_gateway.route import Call, Route
from baton_gateway.tickets import Tickets
from baton_gateway.told import Interest

Types = Annotated[tuple[FrameType, ...], Field(description="only frames of these types")]
Since = Annotated[Position | None, Field(description="first what was missed since this position, then what happens")]
Epoch = Annotated[Id | None, Field(description="the log that `since` is of, as a caught_up frame named it")]


Ticket = Annotated[
    str | None,
    Field(description="from `POST /api/v1/ws-tickets`, instead of Authorization; it opens one socket"),
]


class ProjectSocketQuery(Query):
    """What a socket of one project begins with."""

    types: Types = ()
    since: Since = None
    epoch: Epoch = None
    ticket: Ticket = None


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
    """Raises `Refused`: 404 where there is no such project, 426 where this is no handshake, `Denied`: 401, 429."""
    sockets, query = call.gateway.sockets, call.query
    if project_id and not await sockets.shows(project_id, call.principal):
        raise unknown_project(project_id)
    if call.request.headers.get("Upgrade", "").lower() != "websocket":
        raise Refused(426, "Upgrade required", "Connect to this path as a WebSocket.")
    await _use_up(call)
    interest = Interest(project_id or call.principal.tenant, frozenset(query.types))
    return await converse(call, interest, query.since, query.epoch)


async def _use_up(call: Call[None, Any]) -> None:
    """Use a ticket up where nobody is asked who they are, so that it is worth there what it is worth elsewhere."""
    ticket, gateway = call.query.ticket, call.gateway
    if ticket is None or gateway.door.guarded:
        return  # a door that is guarded did it
    if await Tickets(gateway.host.pool).redeem(ticket) is None:
        raise useless_ticket()


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
