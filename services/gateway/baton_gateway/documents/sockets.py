"""The sockets of the route table, as channels: what a client hears, and what it may say."""

import inspect
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel

from baton_contracts.frame_shapes import EVENT_FRAMES, SOCKET_SAYS
from baton_gateway.documents.channels import Channels, message, operation, said, shared
from baton_gateway.documents.document import Json
from baton_gateway.documents.requests import ID, names_in
from baton_gateway.documents.schemas import Untitled
from baton_gateway.route import Route
from baton_gateway.socket_messages import Ping, Subscribe, Unsubscribe

_CLIENT_SAYS: Final[dict[str, type[BaseModel]]] = {"ping": Ping, "subscribe": Subscribe, "unsubscribe": Unsubscribe}
_ANSWERS: Final = {
    "ping": ("pong", "error"),
    "subscribe": ("subscribed", "error"),
    "unsubscribe": ("unsubscribed", "error"),
}


def socket_channels(routes: Iterable[Route]) -> Channels:
    """Return a channel for each socket."""
    hears = {name: message(name, model) for name, model in (EVENT_FRAMES | SOCKET_SAYS).items()}  # type: ignore[operator]
    says = {name: message(name, model) for name, model in _CLIENT_SAYS.items()}
    channels: dict[str, Json] = {}
    operations: dict[str, Json] = {}
    for route in routes:
        if route.status == HTTPStatus.SWITCHING_PROTOCOLS:
            name = route.handle.__name__
            channels[name] = _channel(route, [*hears, *says])
            operations[f"{name}_tell"] = operation("send", name, hears, "Tell a client of events, and of its socket")
            operations |= {f"{name}_{one}": _heard(name, one) for one in says}
    return Channels(channels, operations, hears | says)


def _channel(route: Route, names: Iterable[str]) -> Json:
    channel: dict[str, Any] = {
        "address": route.path,
        "description": inspect.getdoc(route.handle),
        "servers": [{"$ref": "#/servers/gateway"}],
        "messages": shared(names),
        "bindings": {"ws": {"bindingVersion": "0.1.0", "method": route.method, "query": _query(route)}},
    }
    if inside := names_in(route.path):
        channel["parameters"] = {name: {"description": f"It has the form {ID['pattern']}."} for name in inside}
    return channel


def _query(route: Route) -> Json:
    """Return the schema of what stands behind the question mark; lists are written `types=a,b`."""
    schema = route.query.model_json_schema(schema_generator=Untitled)
    return {"type": "object", "properties": schema["properties"], "additionalProperties": False}


def _heard(channel: str, name: str) -> Json:
    found = operation("receive", channel, [name], f"Answer a client's {name}")
    return found | {"reply": {"channel": found["channel"], "messages": said(channel, _ANSWERS[name])}}
