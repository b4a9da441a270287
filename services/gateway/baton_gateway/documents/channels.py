"""Channels of an AsyncAPI document with their messages and operations; a message names its models themselves."""

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from baton_gateway.documents.document import Json


@dataclass(frozen=True, slots=True)
class Channels:
    """Some channels, and what is said on them by whom."""

    channels: Json
    operations: Json
    messages: Json

    @property
    def models(self) -> Iterator[type[BaseModel]]:
        """Every model that a message names."""
        for message in self.messages.values():
            yield from (value for value in message.values() if isinstance(value, type))


def message(name: str, model: type[BaseModel], **more: Any) -> Json:  # noqa: ANN401 - what else AsyncAPI knows
    """Return a message whose payload is a model; its summary is the model's first line."""
    summary = (inspect.getdoc(model) or "").partition("\n")[0].rstrip(".")
    return {"name": name, "summary": summary, "payload": model} | more


def shared(names: Iterable[str]) -> Json:
    """Return a channel's messages, which the components hold."""
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def operation(action: str, channel: str, names: Iterable[str], summary: str) -> Json:
    """Return what Baton does (`send` or `receive`) with some of a channel's messages."""
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": said(channel, names),
    }


def said(channel: str, names: Iterable[str]) -> list[Json]:
    """Return references to some of a channel's messages."""
    return [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names]
