"""AsyncAPI 3.0 of what is said on `/ws` and on the bus, from the tables and models that say it.

The application is Baton: it sends what a client hears, and receives what is put into its queues.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from baton_gateway.documents import queues, sockets
from baton_gateway.documents.document import Json
from baton_gateway.documents.openapi import info
from baton_gateway.documents.schemas import schemas_of
from baton_gateway.route import Route

_SERVERS: Final = {
    "gateway": {
        "host": "{address}",
        "protocol": "ws",
        "description": "A gateway, where it listens.",
        "variables": {"address": {"default": "127.0.0.1:8080"}},
    },
    "broker": {
        "host": "{address}",
        "protocol": "amqp",
        "description": "RabbitMQ, where every address begins with `baton.`; the bus of one process is in memory.",
        "variables": {"address": {"default": "127.0.0.1:5672"}},
    },
}


def asyncapi(routes: Iterable[Route], agents: Sequence[str]) -> Json:
    """Return the AsyncAPI document of a route table's sockets, and of the bus with a queue for each of these agents."""
    parts = (sockets.socket_channels(routes), queues.queue_channels(agents))
    messages = {name: message for part in parts for name, message in part.messages.items()}
    references, schemas = schemas_of((model, "validation") for part in parts for model in part.models)
    return {
        "asyncapi": "3.0.0",
        "info": info("Baton: sockets and bus", "What is said on /ws, and between the services on the bus."),
        "defaultContentType": "application/json",
        "servers": _SERVERS,
        "channels": {name: channel for part in parts for name, channel in part.channels.items()},
        "operations": {name: operation for part in parts for name, operation in part.operations.items()},
        "components": {
            "messages": {name: _referring(message, references) for name, message in messages.items()},
            "schemas": schemas,
        },
    }


def _referring(message: Json, references: Mapping[Any, Json]) -> Json:
    """Return a message with references where it names models."""
    return {
        key: references[value, "validation"] if isinstance(value, type) and issubclass(value, BaseModel) else value
        for key, value in message.items()
    }
