"""From events and commands to messages on the bus, and back.

The body of a handoff is exactly the contract's HandoffSchema; whatever else is needed travels in headers. The body of
any other event is its payload in the shape that the header `schema_version` names (1, where there is none), so that
services of two releases understand each other.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

import orjson

from baton_contracts.commands import COMMANDS, Command
from baton_contracts.events import Event, Payload, TaskCreated, TaskDispatched, UnknownPayload, parse_payload
from baton_contracts.ids import SYSTEM_ACTOR
from baton_runtime.bus import Delivery, Header, Message


class MalformedMessage(Exception):
    """A message that names no known type, or does not fit it; it ends with the dead letters."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """What a service has to decide on: a command, or an event to react to.

    `id` deduplicates (None: the state alone guards). `tenant` is that of whoever asked, to whom the projects of others
    are not there (None: they see all). `delivery` is where it came from, if over the bus.
    """

    id: UUID | None
    project_id: UUID
    what: Command | Payload
    actor: str = SYSTEM_ACTOR
    causation_id: UUID | None = None
    correlation_id: UUID | None = None
    request_hash: str = ""
    tenant: str | None = None
    delivery: Delivery | None = None


def event_message(event: Event) -> Message:
    """Return the message that tells a consumer of an event; its id is the event's."""
    headers: dict[str, Header] = {"project_id": str(event.project_id), "position": event.position}
    if event.correlation_id:
        headers["correlation_id"] = str(event.correlation_id)
    payload = event.payload
    headers["schema_version"] = payload.schema_version
    if isinstance(payload, TaskCreated | TaskDispatched):
        headers |= {"task_id": str(payload.task_id), "attempt": payload.attempt}
        return Message(event.id, event.type, payload.handoff.model_dump_json().encode(), headers)
    return Message(event.id, event.type, payload.model_dump_json().encode(), headers)


def command_message(command: Command, message_id: UUID, actor: str, tenant: str | None = None) -> Message:
    """Return the message that carries a command to its owner; `tenant` as in `Inbound`."""
    headers: dict[str, Header] = {"project_id": str(command.project_id), "actor": actor}
    if tenant is not None:
        headers["tenant"] = tenant
    return Message(message_id, command.command_type, command.model_dump_json().encode(), headers)


def inbound_of(delivery: Delivery) -> Inbound:
    """Return what a delivery asks for. Raises `MalformedMessage`."""
    message = delivery.message
    try:
        correlation = message.headers.get("correlation_id")
        if command := COMMANDS.get(message.type):
            return Inbound(
                id=message.id,
                project_id=UUID(str(message.headers["project_id"])),
                what=command.model_validate_json(message.body),
                actor=str(message.headers["actor"]),
                causation_id=message.id,
                correlation_id=message.id,
                tenant=str(message.headers["tenant"]) if "tenant" in message.headers else None,
                request_hash=hashlib.sha256(message.body).hexdigest(),
                delivery=delivery,
            )
        return Inbound(
            id=message.id,
            project_id=UUID(str(message.headers["project_id"])),
            what=_event(message),
            causation_id=message.id,
            correlation_id=UUID(str(correlation)) if correlation else None,
            delivery=delivery,
        )
    except (KeyError, ValueError) as error:
        raise MalformedMessage(f"A {message.type} message does not fit: {type(error).__name__}") from error


def _event(message: Message) -> Payload:
    """Return the event that a message tells of. Raises `ValueError` for what only a newer service understands."""
    version, content = int(message.headers.get("schema_version", 1)), orjson.loads(message.body)
    payload = parse_payload(message.type, content, version) if isinstance(content, dict) else None
    if payload is None or isinstance(payload, UnknownPayload):
        raise ValueError(f"{message.type} in version {version} is not known here")
    return payload
