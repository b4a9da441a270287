"""A bad input: the bytes of it, and how they are sent."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from baton_gateway.route import Route
from baton_gateway.routes import ROUTES

HTTP: Final = "HTTP/1.1"
JSON: Final = ("Content-Type", "application/json")
Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Bad:
    """What must be refused.

    `parts` are written with `pause` seconds between them; then the client `ends` its side, or waits. What is `raw` may
    be no HTTP at all, so it may be answered without a problem document, or by closing the connection alone.
    """

    kind: str
    name: str
    parts: tuple[bytes, ...]
    pause: float = 0.0
    ends: bool = False
    raw: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """What there is: a name's real value for every parameter of a path, and the headers that let a client in."""

    values: Mapping[str, str]
    pass_key: tuple[tuple[str, str], ...] = ()

    def path(self, route: Route, **instead: str) -> str:
        """Return a route's path, filled in with what there is, or with what stands `instead`."""
        known = {**self.values, **instead}
        return re.sub(r"\{(\w+)\}", lambda found: known[found[1]], route.path)


def parameters(route: Route) -> list[str]:
    """Return the names in a route's path."""
    return re.findall(r"\{(\w+)\}", route.path)


def request(
    method: str, target: str, headers: Headers = (), body: bytes | None = None, host: str = "127.0.0.1"
) -> bytes:
    """Return a request as its bytes; a body has its length, and whoever answers closes."""
    given = [("Host", host), ("Connection", "close"), *headers]
    if body is not None:
        given.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} {HTTP}", *(f"{name}: {value}" for name, value in given)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def title(route: Route) -> str:
    """Return a route's name."""
    return f"{route.method} {route.path}"


PLAIN_ROUTES: Final = tuple(route for route in ROUTES if not route.opens_socket)
