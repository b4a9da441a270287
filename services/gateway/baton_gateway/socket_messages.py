"""What a client may say on `/ws`: one JSON object a message, strict like a body."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from baton_contracts.commands import Refused
from baton_contracts.frames import FrameType
from baton_contracts.ids import Id
from baton_gateway.body import Limits, parse
from baton_gateway.problems import Invalid
from baton_gateway.time_travel import LAST_POSITION
from baton_gateway.told import Interest

_LIMITS: Final = Limits(depth=8, nodes=200)
Since = Annotated[int, Field(ge=0, le=LAST_POSITION)]


class SocketMessage(BaseModel):
    """The base of what a client says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Ping(SocketMessage):
    """Ask whether the gateway is there."""

    type: Literal["ping"]


class Subscribe(SocketMessage):
    """Tell me of a project, or of all: what I missed since a position (of the log of that epoch), then what happens."""

    type: Literal["subscribe"]
    project_id: Id | None = None
    types: Annotated[tuple[FrameType, ...], Field(strict=False)] = ()
    since: Since | None = None
    epoch: Id | None = None

    def interest(self, tenant: str | None) -> Interest:
        """Return what somebody of a tenant is to hear."""
        return Interest(self.project_id or tenant, frozenset(self.types))


class Unsubscribe(SocketMessage):
    """Tell me no more of a project, or of all."""

    type: Literal["unsubscribe"]
    project_id: Id | None = None


_MESSAGE: TypeAdapter[Ping | Subscribe | Unsubscribe] = TypeAdapter(
    Annotated[Ping | Subscribe | Unsubscribe, Field(discriminator="type")]
)


class Misunderstood(Exception):
    """A message that is none of these; `args[0]` says why."""


def message_of(text: str) -> Ping | Subscribe | Unsubscribe:
    """Return what a client said. Raises `Misunderstood`."""
    try:
        return _MESSAGE.validate_python(parse(text.encode("utf-8", "surrogatepass"), _LIMITS))
    except ValidationError as error:
        raise Misunderstood("; ".join(map(_said, error.errors(include_input=False)))) from error
    except (Invalid, Refused) as error:
        raise Misunderstood(str(error)) from error


def _said(flaw: ErrorDetails) -> str:
    """Return what is wrong with a message; its place begins with the type, which is no field of the message."""
    if flaw["type"] == "union_tag_invalid":  # its own words repeat what was sent
        return f"type: it must be one of {flaw['ctx']['expected_tags']}"
    return ": ".join([*map(str, flaw["loc"][1:2]), flaw["msg"]])


def scope(project_id: UUID | None) -> str | None:
    """Return a project's id as it stands in an answer; null stands for all projects."""
    return str(project_id) if project_id else None
