"""The parameters of a query, as models: what a route's model does not name is refused, like a field of a body.

A list is given as `name=a,b`, or by giving the name again, and holds something; everything else stands once.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, TypeVar, get_origin

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from baton_gateway.problems import invalid, misfit
from baton_gateway.time_travel import LAST_POSITION, NUMBER, Moment, moment_of

_FLAGS: Final[dict[object, bool]] = {"true": True, "false": False}


def _number(text: object) -> object:
    if isinstance(text, str):
        if not NUMBER.fullmatch(text):
            raise ValueError("it must be a whole number of 1 to 18 digits")
        return int(text)
    return text


def _flag(text: object) -> object:
    if text not in _FLAGS:
        raise ValueError("it must be true or false")
    return _FLAGS[text]


AS_NUMBER: Final = BeforeValidator(_number)
Position = Annotated[int, Field(ge=0, le=LAST_POSITION), AS_NUMBER]
Flag = Annotated[bool, BeforeValidator(_flag)]
PageSize = Annotated[int, Field(ge=1, le=1000), AS_NUMBER]
AsOf = Annotated[
    Moment,
    BeforeValidator(moment_of),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": "^[0-9]{1,18}$"}, {"type": "string", "format": "date-time"}]}
    ),
]


class Query(BaseModel):
    """A query without parameters; the base of those with some."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Fresh(Query):
    """A read that may ask for tables that show at least a position of the log."""

    min_position: Position | None = Field(
        default=None, description="answer only when the tables show this position of the log; 503 after 2 s"
    )


class Recalled(Fresh):
    """A read that may ask for the past."""

    as_of: AsOf | None = Field(default=None, description="a position of the log, or a time: answer as it was then")


Q = TypeVar("Q", bound=Query)


def read_query(request: web.Request, model: type[Q]) -> Q:
    """Return the query as its model. Raises `Invalid`."""
    if not request.rel_url.raw_query_string:
        nothing: Q = _without(model)
        return nothing
    try:
        return model.model_validate(_values(request, model))
    except ValidationError as error:
        raise misfit(error, prefix="/query") from error


@cache
def _without(model: type[Q]) -> Q:
    """Return the query that says nothing: the same one for all requests."""
    return model()


def _values(request: web.Request, model: type[Query]) -> Mapping[str, Any]:
    values: dict[str, Any] = {}
    for name in request.query:
        given = request.query.getall(name)
        field = model.model_fields.get(name)
        if field and get_origin(field.annotation) is tuple:
            values[name] = tuple(part for value in given for part in value.split(","))
        elif len(given) > 1:
            raise invalid(f"/query/{name}", "it is given more than once")
        else:
            values[name] = given[0]
    return values
