"""Methods that a path does not have, methods in disguise, and paths that are nearly those of the table."""

from collections.abc import Iterator
from typing import Final

from abuse.bad import Bad, World, request, title
from abuse.examples import body_of
from baton_gateway.routes import ROUTES

_METHODS: Final = (
    *(
        "GET",
        "POST",
        "DELETE",
        "PUT",
        "PATCH",
        "HEAD",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        "QUERY",
        "PROPFIND",
        "LOCK",
        "MOVE",
    ),
    *("get", "post", "delete", "Post", "GETT", "G\xcbT", "X" * 300, "PRI", "M-SEARCH", "DEBUG", "TRACK", "GET\t"),
)
_OVERRIDES: Final = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method")
_NEARLY: Final = (
    "{}/",
    "{}//",
    "{}/.",
    "{}%00",
    "{}%20",
    "{}%2f",
    "{};",
    "{};x=1",
    "{}.json",
    "{}~",
    "/{}",
    "/.{}",
    "{}/..;/",
    "/api{}",
    "{}/x",
    "/%2e{}",
    "\\{}",
    "{}\\",
    "http:{}",
    "/docs/..%2f..{}",
    "/livez/..;{}",
    "/livez%2f..{}",
)


def tampered(world: World) -> Iterator[Bad]:
    """Yield every path with the methods that it does not have, plain and by every header that overrides one."""
    paths = {world.path(route): {one.method for one in ROUTES if one.path == route.path} for route in ROUTES}
    for path, known in paths.items():
        for method in (one for one in _METHODS if one not in known):
            yield Bad("methods", f"{method[:20]} {path}", (request(method, path, world.pass_key),), raw=True)
        lacking = "POST" if "POST" not in known else "GET"
        if {"GET", "POST"} <= known:
            continue
        for header in _OVERRIDES:
            headers = (*world.pass_key, (header, next(iter(known))))
            yield Bad("methods", f"{lacking} {path} {header}", (request(lacking, path, headers),))


def nearly(world: World) -> Iterator[Bad]:
    """Yield every route under a path that is nearly its own."""
    known = {route.path for route in ROUTES}
    for route in ROUTES:
        path = world.path(route)
        body, headers = body_of(route, world)
        near = [form.replace("{}", path) for form in _NEARLY] + [path.upper(), path.title(), path.replace("/", "//")]
        if "/v1/" in path:
            near += [
                path.replace("/v1/", version) for version in ("/v2/", "/V1/", "/v1//", "/v1%2f", "/v1;/", "/v01/", "/")
            ]
        for target in near:
            if target not in known and target != path:
                sent = request(route.method, target, headers, body)
                yield Bad("routes", f"{title(route)} as {target[:80]}", (sent,), raw=True)
