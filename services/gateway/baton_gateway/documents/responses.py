"""What a route answers, as OpenAPI: its success, and every problem document that it may answer instead."""

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel

from baton_contracts.rest import ProblemDocument
from baton_gateway.answers import POSITION
from baton_gateway.documents.document import Json
from baton_gateway.route import Route

Refer = Callable[[type[BaseModel]], Json]
_ALWAYS: Final = (400, 405, 422)  # a query that the route does not know does not fit either
_WITH_BODY: Final = (408, 413, 415)
_WITHOUT: Final = (408, 413)  # one that comes all the same is read, to be refused
_UNREAD: Final[Json] = {"text/plain": {"schema": {"type": "string"}}}
_DESCRIPTIONS: Final[dict[int, str]] = {
    400: "Bad Request: no JSON. Told in plain text: no HTTP, or a first line or header of more than 8190 bytes."
}
_BINARY: Final = ("application/zip",)
HEADERS: Final[dict[str, Json]] = {
    POSITION: {
        "description": "The position of the log that shows this write; a read takes it as min_position.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Location": {"description": "Where the new thing is.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds until it is worth trying again.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "How to say who asks (RFC 6750).", "schema": {"type": "string"}},
    "Allow": {"description": "The methods that this path takes.", "schema": {"type": "string"}},
    "ETag": {"description": "Stands for this answer; send it as If-None-Match.", "schema": {"type": "string"}},
}
_HEADERS_OF: Final = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


def responses_of(route: Route, refer: Refer) -> Json:
    """Return every answer of a route by its status."""
    refused = {status: {"$ref": f"#/components/responses/{_name(status)}"} for status in problems_of(route)}
    also = {status: _also(status, route, refer) for status in route.also}
    return {str(status): answer for status, answer in ({route.status: _success(route, refer)} | also | refused).items()}


def problems_of(route: Route) -> list[int]:
    """Return the statuses of the problem documents that a route may answer."""
    of_body = _WITH_BODY if route.body else () if route.method == "GET" else _WITHOUT
    away = () if route.role == "public" else (503,)
    return sorted({*_ALWAYS, *_at_the_door(route), *of_body, *route.refusals, *away})


def _at_the_door(route: Route) -> Iterator[int]:
    yield HTTPStatus.TOO_MANY_REQUESTS
    if not route.any_host:
        yield HTTPStatus.MISDIRECTED_REQUEST
    if route.role != "public":
        yield HTTPStatus.UNAUTHORIZED
    if route.method != "GET" or route.role != "public":  # another site's page, a lesser role, or a token without one
        yield HTTPStatus.FORBIDDEN


def problem_responses(statuses: Iterable[int], refer: Refer) -> Json:
    """Return the shared answer of each status."""
    content: Json = {"application/problem+json": {"schema": refer(ProblemDocument)}}
    return {_name(status): _problem(status, content) for status in sorted(set(statuses))}


def _problem(status: int, content: Json) -> Json:
    said = content | _UNREAD if status == HTTPStatus.BAD_REQUEST else content
    return _described(status) | _headers(_HEADERS_OF.get(status, ())) | {"content": said}


def _success(route: Route, refer: Refer) -> Json:
    names = []
    if route.method != "GET" and route.role != "viewer":
        names.append(POSITION)
    if route.status == HTTPStatus.CREATED and route.role != "viewer":  # a ticket is nowhere
        names.append("Location")
    if HTTPStatus.NOT_MODIFIED in route.also:
        names.append("ETag")
    return _described(route.status) | _headers(names) | {"content": {route.media: _content(route, refer)}}


def _also(status: int, route: Route, refer: Refer) -> Json:
    if status == HTTPStatus.NOT_MODIFIED:
        return _described(status) | _headers(["ETag"])
    return _described(status) | {"content": {route.media: _content(route, refer)}}


def _described(status: int) -> Json:
    return {"description": _DESCRIPTIONS.get(status, HTTPStatus(status).phrase)}


def _content(route: Route, refer: Refer) -> dict[str, Any]:
    if route.answer:
        return {"schema": refer(route.answer)}
    if route.media in _BINARY:
        return {"schema": {"type": "string", "format": "binary"}}
    return {"schema": {"type": "string"}} if route.media.startswith("text/") else {}


def _headers(names: Iterable[str]) -> Json:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return {"headers": headers} if headers else {}


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "")
