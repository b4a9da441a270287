"""The parameters of a path, checked by their names."""

import re
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from baton_contracts.definitions import SLUG_PATTERN
from baton_gateway.problems import invalid

_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SLUG: Final = re.compile(SLUG_PATTERN)
NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)
"""What is a whole number to us: no sign, and `LAST_POSITION` at most."""
LAST_POSITION: Final = 10**18 - 1


def check_parameters(parameters: Mapping[str, str]) -> Mapping[str, str]:
    """Return the parameters; a name ending in `_id` is a UUID's, every other a slug's. Raises `Invalid`."""
    for name, value in parameters.items():
        check = check_id if name.endswith("_id") else check_slug
        check(f"/path/{name}", value)
    return parameters


def check_id(pointer: str, value: str) -> None:
    """Raise `Invalid` unless the value is a UUID as we write them."""
    if not _ID.fullmatch(value):
        raise invalid(pointer, "it must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")


def check_slug(pointer: str, value: str) -> None:
    """Raise `Invalid` unless the value is a name of lower-case letters, digits and dashes."""
    if not _SLUG.fullmatch(value):
        raise invalid(pointer, "it must be 1 to 64 lower-case letters, digits and dashes, and not begin with a dash")


def whole_number(request: web.Request, name: str, lowest: int, *, default: int, highest: int) -> int:
    """Return a number of the query. Raises `Invalid` where it is none, or out of bounds."""
    value = request.query.get(name)
    if value is None:
        return default
    if not NUMBER.fullmatch(value) or not lowest <= int(value) <= highest:
        raise invalid(f"/query/{name}", f"it must be a whole number from {lowest} to {highest}")
    return int(value)
