"""Bodies as strict JSON: what two parsers could read in two ways is refused.

400 for what is not JSON (NaN and Infinity, wrong UTF-8, nothing at all), 422 for JSON that must not pass: a name
twice in an object, nesting over 64, NUL characters and lone surrogates (PostgreSQL keeps neither), numbers that no
float holds.
"""

import asyncio
import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from baton_contracts.commands import Refused
from baton_gateway.problems import invalid, misfit, step

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 64
_SLOW: Final = 64 << 10  # a body of this many bytes is parsed beside the event loop
_DEADLINE: Final = 30.0
_DIGITS: Final = 100
_SHOWN: Final = 80  # characters of a name in an answer
_NOTHING: Final = re.compile(rb"[ \t\n\r]*+(?:\{[ \t\n\r]*+\}[ \t\n\r]*+)?")
Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: web.Request, model: type[Model], *, required: bool = True) -> Model:
    """Return the body as its model, of `{}` where none is `required` and none came.

    Raises `Invalid`, `Refused` (400, 408, 415) or aiohttp's 413.
    """
    if not required and not await _received(request):
        return model()
    if request.content_type != "application/json":
        raise Refused(415, "Unsupported media type", "Send the body as application/json.")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused(415, "Unsupported media type", "Send the body without a Content-Encoding.")
    data = await _received(request)
    parsed = await asyncio.to_thread(parse, data) if len(data) > _SLOW else parse(data)
    try:
        return model.model_validate(parsed)
    except ValidationError as error:
        raise misfit(error) from error


async def refuse_body(request: web.Request) -> None:
    """Let pass what comes with no body, or with an empty object. Raises `Invalid`, `Refused` (408) or aiohttp's 413."""
    if request.can_read_body and not _NOTHING.fullmatch(await _received(request)):
        raise invalid("", "this request takes no body")


async def _received(request: web.Request) -> bytes:
    """Return the body as it came; it is kept for the next time. Raises `Refused` (408) or aiohttp's 413."""
    try:
        async with asyncio.timeout(_DEADLINE):
            return await request.read()
    except TimeoutError as error:
        raise Refused(408, "Request timeout", f"The body did not arrive within {_DEADLINE:.0f} s.") from error


def parse(data: bytes) -> object:
    """Return what a body says. Raises `Refused` (400) and `Invalid`."""
    try:
        parsed = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except RecursionError as error:
        raise invalid("", _TOO_DEEP) from error
    except ValueError as error:
        raise Refused(400, "Not JSON", "The body is not JSON in UTF-8; NaN and Infinity are not JSON.") from error
    for pointer, value, depth in _walk(parsed):
        if depth > MAX_DEPTH:
            raise invalid("", _TOO_DEEP)
        if isinstance(value, str):
            _check_text(pointer, value)
    return parsed


_TOO_DEEP: Final = f"it is nested deeper than {MAX_DEPTH} levels"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise invalid("", f"an object has the name {repeated[:_SHOWN]!r} twice")
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise invalid("", "a number is too large")
    return number


def _int(digits: str) -> int:
    if len(digits) > _DIGITS:  # Python takes quadratic time for what no field holds
        raise invalid("", "a number is too large")
    return int(digits)


def _walk(root: object) -> Iterator[tuple[str, object, int]]:
    """Yield every name and value with its pointer and depth, without recursion."""
    waiting: list[tuple[str, object, int]] = [("", root, 1)]
    while waiting:
        pointer, value, depth = waiting.pop()
        yield pointer, value, depth
        if isinstance(value, dict):
            for name, inner in value.items():
                yield pointer, name, depth
                waiting.append((pointer + step(name), inner, depth + 1))
        elif isinstance(value, list):
            waiting.extend((pointer + step(n), inner, depth + 1) for n, inner in enumerate(value))


def _check_text(pointer: str, text: str) -> None:
    if "\0" in text:
        raise invalid(pointer, "it has a NUL character, which cannot be kept")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise invalid(pointer, "it has half of a surrogate pair, which is no character")
