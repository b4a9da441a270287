"""Bodies as strict JSON: what two parsers could read in two ways is refused.

400 for what is not JSON (NaN and Infinity, wrong UTF-8, nothing at all), 422 for JSON that must not pass: a name
twice in an object, nesting and values beyond the limits, NUL characters and lone surrogates (PostgreSQL keeps
neither), numbers that no float holds.
"""

import asyncio
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from baton_contracts.commands import Refused
from baton_gateway.json_size import beyond
from baton_gateway.problems import invalid, misfit, step
from baton_runtime.settings import Settings

_SLOW: Final = 64 << 10  # a body of this many bytes is parsed beside the event loop,
_BESIDE: Final = ThreadPoolExecutor(1, "json")  # one at a time: several threads would take turns with the loop
_DEADLINE: Final = 30.0
_DIGITS: Final = 100
_SHOWN: Final = 80  # characters of a name in an answer
_NOTHING: Final = re.compile(rb"[ \t\n\r]*+(?:\{[ \t\n\r]*+\}[ \t\n\r]*+)?")
_HALF: Final = re.compile("[\ud800-\udfff]")
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Limits:
    """How deep JSON may be nested, and how many values it may hold."""

    depth: int
    nodes: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Return what the settings say."""
        return cls(settings.max_json_depth, settings.max_json_nodes)


async def read_body(request: web.Request, model: type[Model], limits: Limits, *, required: bool = True) -> Model:
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
    parsed = await _parsed_beside(data, limits) if len(data) > _SLOW else parse(data, limits)
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
        raise Refused(408, "Request timeout", f"The body did not arrive within {_DEADLINE:g} s.") from error


async def _parsed_beside(data: bytes, limits: Limits) -> object:
    return await asyncio.get_running_loop().run_in_executor(_BESIDE, parse, data, limits)


def parse(data: bytes, limits: Limits) -> object:
    """Return what a body says. Raises `Refused` (400) and `Invalid`."""
    if too_much := beyond(data, limits.depth, limits.nodes):
        raise invalid("", too_much)
    try:
        parsed = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except ValueError as error:
        raise Refused(400, "Not JSON", "The body is not JSON in UTF-8; NaN and Infinity are not JSON.") from error
    for place, value in _walk(parsed):
        if isinstance(value, str) and (flaw := _flaw(value)):
            raise invalid(_pointer(place), flaw)
    return parsed


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((repeated, _),) = Counter(name for name, _ in pairs).most_common(1)
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


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands; a pointer in full for each would repeat a long name as often as it has values."""

    within: "_Place | None"
    key: str | int


def _walk(root: object) -> Iterator[tuple[_Place | None, object]]:
    """Yield every name and value with its place, without recursion."""
    waiting: list[tuple[_Place | None, object]] = [(None, root)]
    while waiting:
        place, value = waiting.pop()
        yield place, value
        if isinstance(value, dict):
            for name, inner in value.items():
                yield place, name
                waiting.append((_Place(place, name), inner))
        elif isinstance(value, list):
            waiting.extend((_Place(place, n), inner) for n, inner in enumerate(value))


def _pointer(place: _Place | None) -> str:
    steps = []
    while place:
        steps.append(step(place.key))
        place = place.within
    return "".join(reversed(steps))


def _flaw(text: str) -> str | None:
    if "\0" in text:
        return "it has a NUL character, which cannot be kept"
    if not text.isascii() and _HALF.search(text):
        return "it has half of a surrogate pair, which is no character"
    return None
