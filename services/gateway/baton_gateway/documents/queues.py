"""The queues of the bus, as channels: commands to their owner, events to who reacts, handoffs to agents."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic import BaseModel, Field

from baton_contracts.commands import COMMANDS, CommandReply
from baton_contracts.events import PAYLOADS
from baton_contracts.handoffs import HandoffSchema
from baton_contracts.ids import Id
from baton_contracts.parts import TOPIC, MessagePart
from baton_contracts.routes import CONSUMERS, RUNNER, SERVICE_QUEUES, agent_queue
from baton_gateway.documents.channels import Channels, message, operation, said, shared
from baton_gateway.documents.document import Json

_HANDOFF: Final = "handoff"
_REPLY: Final = "reply"
_REPLIES: Final = "replies"
_AGENTS: Final = "agents"
_PART: Final = "message_part"


class CommandHeaders(BaseModel):
    """What goes with a command; its message id follows from principal and `Idempotency-Key`."""

    project_id: Id
    actor: str


class EventHeaders(BaseModel):
    """What goes with an event; its message id is the event's."""

    project_id: Id
    position: int = Field(ge=1)
    schema_version: int = Field(ge=1)
    correlation_id: Id | None = None


class HandoffHeaders(EventHeaders):
    """What goes with a handoff."""

    task_id: Id
    attempt: int = Field(ge=1)


def queue_channels(agents: Sequence[str]) -> Channels:
    """Return a channel for each service's queue, one for the queues of all agents, and one for replies."""
    commands = {queue: _commands(queue) for queue in SERVICE_QUEUES}
    events = {queue: _events(queue) for queue in SERVICE_QUEUES}
    messages: Json = {
        _HANDOFF: _handoff(),
        _REPLY: message(_REPLY, CommandReply),
        _PART: message(_PART, MessagePart),
    }
    channels: Json = {
        _AGENTS: _agents(agents),
        _REPLIES: {"address": None, "messages": shared([_REPLY])},
        TOPIC: {"address": TOPIC, "title": "Broadcast to every gateway", "messages": shared([_PART])},
    }
    operations: Json = {
        "work": operation("receive", _AGENTS, [_HANDOFF], "Take up a handoff, and do what the agent has to do"),
        "write": operation("send", TOPIC, [_PART], "Tell what an agent is writing; nobody has to listen"),
    }
    for queue in SERVICE_QUEUES:
        messages |= commands[queue] | events[queue]
        channels[queue] = _queue(queue, [*commands[queue], *events[queue]], queue)
        operations[f"{queue}_decide"] = _decide(queue, commands[queue])
        if events[queue]:
            operations[f"{queue}_react"] = operation("receive", queue, events[queue], "React to what happened")
    return Channels(channels, operations, messages)


def _commands(queue: str) -> Json:
    return {name: _typed(name, command, CommandHeaders) for name, command in COMMANDS.items() if command.owner == queue}


def _events(queue: str) -> Json:
    return {
        _event(name): _typed(name, PAYLOADS[name], EventHeaders)
        for name, consumer in CONSUMERS.items()
        if consumer == queue
    }


def _event(name: str) -> str:
    """Return an event's name among the messages, where a frame may have the same one."""
    return f"{name}_event"


def _typed(name: str, model: type[BaseModel], headers: type[BaseModel]) -> Json:
    return message(name, model, headers=headers, bindings=_type(name))


def _handoff() -> Json:
    types = " or ".join(name for name, consumer in CONSUMERS.items() if consumer == RUNNER)
    return message(_HANDOFF, HandoffSchema, headers=HandoffHeaders, description=f"Its AMQP type is {types}.")


def _type(name: str) -> Json:
    return {"amqp": {"bindingVersion": "0.3.0", "contentEncoding": "utf-8", "messageType": name}}


def _agents(agents: Sequence[str]) -> Json:
    address = agent_queue("{agent_type}")
    parameters = {"agent_type": {"enum": list(agents), "description": "One queue for all runners of an agent type."}}
    return _queue(address, [_HANDOFF], "agent") | {"parameters": parameters}


def _queue(address: str, names: Iterable[str], title: str) -> Json:
    queue: dict[str, Any] = {"name": address, "durable": True, "exclusive": False, "autoDelete": False}
    return {
        "address": address,
        "title": f"The queue of {title}",
        "servers": [{"$ref": "#/servers/broker"}],
        "messages": shared(names),
        "bindings": {"amqp": {"bindingVersion": "0.3.0", "is": "queue", "queue": queue}},
    }


def _decide(queue: str, names: Iterable[str]) -> Json:
    reply = {
        "address": {"location": "$message.header#/reply_to", "description": "Direct reply-to."},
        "channel": {"$ref": f"#/channels/{_REPLIES}"},
        "messages": said(_REPLIES, [_REPLY]),
    }
    return operation("receive", queue, names, "Decide a command, and answer it") | {"reply": reply}
