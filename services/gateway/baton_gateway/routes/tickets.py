"""Tickets: a browser's way to a socket, whose handshake cannot carry a key or a token."""

from typing import Final

from aiohttp import web

from baton_contracts.rest_sockets import SocketTicket
from baton_gateway.answers import json_text
from baton_gateway.idempotency import claim
from baton_gateway.query import Query
from baton_gateway.route import Call, Route
from baton_gateway.tickets import LIFETIME, Tickets


async def issue(call: Call[None, Query]) -> web.Response:
    """Give a ticket that opens one socket.

    It is sent as `?ticket=` and stands for whoever asked for it, until when their own right ends. It is shown once and
    kept nowhere, so a request that is sent again with its `Idempotency-Key` is given another one.
    """
    await claim(call)
    ticket = await Tickets(call.gateway.host.pool).issue(call.principal)
    return json_text(SocketTicket(ticket=ticket, expires_in=LIFETIME).model_dump_json(), status=201)


ROUTES: Final = (Route("POST", "/api/v1/ws-tickets", "viewer", issue, SocketTicket, status=201),)
