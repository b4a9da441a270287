"""Every answer of 400 and above is a problem document (RFC 9457), made here.

What a client did wrong is told in full, to the field. What went wrong on our side is told by a request id alone;
the log has the rest under that id.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeVar
from uuid import UUID, uuid4

import structlog
from aiohttp import web
from pydantic import ValidationError

from baton_contracts.commands import Refused
from baton_contracts.rest import FieldProblem, ProblemDocument
from baton_eventlog.database import UNAVAILABLE
from baton_runtime.blobs import BlobsUnavailable
from baton_runtime.bus import BusUnavailable, Unroutable

log = structlog.get_logger("baton.gateway")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_RETRY_AFTER: Final = "2"
_TOLD: Final = 100  # of the fields that are wrong; who sends ten thousand need not read of each
T = TypeVar("T")


class Invalid(Exception):
    """A request that does not fit: 422 and the fields that are wrong."""

    def __init__(self, *fields: FieldProblem) -> None:
        super().__init__("; ".join(f"{field.pointer or 'the body'}: {field.detail}" for field in fields))
        self.fields = fields


class Denied(Refused):
    """A request that does not come in: 401, 403, 421 or 429, with the headers that go with it.

    `claimed` is who it says that it is from, for the log.
    """

    def __init__(self, status: int, title: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, title, detail)
        self.headers = headers
        self.claimed: str | None = None


class Unavailable(Exception):
    """Something that the answer needs is away for the moment: 503, try again. The message says what."""


def invalid(pointer: str, detail: str) -> Invalid:
    """Return the error of one field; `pointer` as in `FieldProblem`."""
    return Invalid(FieldProblem(pointer=pointer, detail=detail))


def unknown_project(project_id: UUID) -> Refused:
    """Say that there is no such project."""
    return Refused(404, "Unknown project", f"There is no project {project_id}.")


def found_or_404(found: T | None, missing: Refused) -> T:
    """Return what was found; raise `missing` where nothing was."""
    if found is None:
        raise missing
    return found


def misfit(error: ValidationError, prefix: str = "") -> Invalid:
    """Return what a model found wrong with a body or (with its prefix) a query, without repeating what was sent."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return Invalid(
        *(
            FieldProblem(pointer=prefix + _pointer(one["loc"]), detail=_sentence(one["type"], one["msg"]))
            for one in found[:_TOLD]
        )
    )


def _pointer(location: Sequence[str | int]) -> str:
    return "".join(step(part) for part in location)


def step(name: str | int) -> str:
    """Return one step of a JSON pointer."""
    return "/" + str(name).replace("~", "~0").replace("/", "~1")


def _sentence(kind: str, message: str) -> str:
    return "it must be a JSON object" if kind == "model_type" else message.removeprefix("Value error, ")


def respond(
    request: web.Request,
    status: int,
    title: str,
    detail: str,
    *,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> web.Response:
    """Return a problem document; `instance` is the path that was asked for, `extra` its further members."""
    document = ProblemDocument(
        type="urn:baton:problem:" + "-".join(title.lower().split()),
        title=title,
        status=status,
        detail=detail,
        instance=request.rel_url.raw_path,
        errors=list(errors) or None,
        **(extra or {}),
    )
    return web.Response(
        body=document.model_dump_json(exclude_none=True).encode(),
        status=status,
        content_type="application/problem+json",
        headers=headers,
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem document."""
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 - this is the edge: what nobody expected becomes a 500
        for kinds, answer in _ANSWERS:
            if isinstance(error, kinds):
                return answer(request, error)
        return _internal(request, error)


def _invalid(request: web.Request, error: Invalid) -> web.Response:
    return respond(request, 422, "Does not fit", str(error), errors=error.fields)


def _refused(request: web.Request, error: Refused) -> web.Response:
    errors = [FieldProblem(pointer=error.pointer, detail=error.detail)] if error.pointer else []
    return respond(request, error.status, error.title, error.detail, errors=errors, extra=error.extra)


def _denied(request: web.Request, error: Denied) -> web.Response:
    return respond(request, error.status, error.title, error.detail, headers=error.headers)


def _of_http(request: web.Request, error: web.HTTPException) -> web.Response:
    """Say in our form what aiohttp found: no such path, another method, too large a body."""
    kept = {name: value for name, value in error.headers.items() if name in ("Allow", "Upgrade")}
    title = HTTPStatus(error.status).phrase.capitalize()
    details = {
        404: "There is nothing at this path; /docs shows what there is.",
        405: f"This path takes {kept.get('Allow', 'other methods')} alone.",
        413: f"The body is larger than {request.client_max_size} bytes; send less.",
    }
    return respond(request, error.status, title, details.get(error.status, error.text or title), headers=kept)


def _broken(request: web.Request, _: Exception) -> web.Response:
    return respond(request, 400, "Broken body", "The body broke off or its transfer encoding is wrong; send it again.")


def _unavailable(request: web.Request, error: Unavailable) -> web.Response:
    return respond(request, 503, "Unavailable", str(error), headers={"Retry-After": _RETRY_AFTER})


def _away(request: web.Request, error: Exception) -> web.Response:
    log.warning("request_refused_for_now", path=request.path, error=type(error).__name__)
    return _unavailable(request, Unavailable("A part that this needs cannot be reached at the moment; try again soon."))


def _internal(request: web.Request, error: Exception) -> web.Response:
    request_id = str(uuid4())
    log.error("request_failed", request_id=request_id, method=request.method, path=request.path, exc_info=error)
    detail = f"This is a fault of Baton's, not of the request; its log has the cause under {request_id}."
    return respond(request, 500, "Internal error", detail, headers={"Baton-Request-Id": request_id})


_ANSWERS: Final[tuple[tuple[Any, Callable[[web.Request, Any], web.Response]], ...]] = (
    (Invalid, _invalid),
    (Denied, _denied),
    (Refused, _refused),
    (web.HTTPException, _of_http),
    (web.RequestPayloadError, _broken),
    (Unavailable, _unavailable),
    ((BusUnavailable, Unroutable, BlobsUnavailable, *UNAVAILABLE), _away),
)
