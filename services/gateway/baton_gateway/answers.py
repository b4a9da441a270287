"""Answers: JSON as PostgreSQL built it, or of a model."""

from collections.abc import Mapping

from aiohttp import web
from pydantic import BaseModel

from baton_contracts.commands import CommandReply

POSITION: str = "Baton-Position"


def json_text(text: str, *, status: int = 200) -> web.Response:
    """Answer with JSON that is ready to be sent."""
    return web.Response(text=text, status=status, content_type="application/json")


def model(answer: BaseModel) -> web.Response:
    """Answer with a model."""
    return json_text(answer.model_dump_json())


def written(
    reply: CommandReply, kind: type[BaseModel], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with what the owner of a command said; the header tells the position that shows it."""
    body = kind.model_validate(reply.result).model_dump_json().encode()
    position = {POSITION: str(reply.position)}
    return web.Response(
        body=body, status=status, content_type="application/json", headers=position | dict(headers or {})
    )
