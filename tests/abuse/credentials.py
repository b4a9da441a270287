"""Credentials that are none: tricks with `Authorization`, and ways past the door, on every route that asks for one."""

import base64
from collections.abc import Iterator
from typing import Final
from uuid import uuid4

from abuse.bad import PLAIN_ROUTES, Bad, World, request, title
from abuse.examples import body_of
from baton_gateway.routes import ROUTES

_NOBODY: Final = f"baton_{uuid4().hex}_{'x' * 43}"
_NONE: Final = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
_PAYLOAD: Final = base64.urlsafe_b64encode(b'{"sub":"x","role":"admin"}').decode().rstrip("=")
_PREFIXES: Final = (
    "/livez/..",
    "/healthz/..",
    "/docs/..",
    "//",
    "/docs/%2e%2e",
    "/docs/..;",
    "/livez;",
    "/livez/../",
    "/./",
)


def _forms(key: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what stands in one or more headers `Authorization`; `key` is a real one."""
    yield "nothing", ()
    yield "an empty one", ("",)
    yield "a scheme alone", ("Bearer",)
    yield "spaces", ("Bearer     ",)
    yield "a key that nobody has", (f"Bearer {_NOBODY}",)
    yield "a key without a scheme", (key,)
    yield "another scheme", (f"Basic {key}",)
    yield "Basic", (f"Basic {base64.b64encode(key.encode()).decode()}",)
    yield "two headers", (f"Bearer {key}", f"Bearer {key}")
    yield "a wrong one first", (f"Bearer {_NOBODY}", f"Bearer {key}")
    yield "a list", (f"Bearer {key}, Bearer {key}",)
    yield "a list of keys", (f"Bearer {key},{key}",)
    yield "more after it", (f"Bearer {key} x",)
    yield "half of it", (f"Bearer {key[:-1]}",)
    yield "one more", (f"Bearer {key}x",)
    yield "in capitals", (f"Bearer {key.upper()}",)
    yield "in quotes", (f'Bearer "{key}"',)
    yield "another prefix", (f"Bearer ticket_{key.removeprefix('baton_')}",)
    yield "a NUL", (f"Bearer {key}\0",)
    yield "an escape", (f"Bearer \x1b[31m{key}",)
    yield "a Latin letter", (f"Bearer {key}\xe9",)
    yield "a no-break space", (f"Bearer\xa0{key}",)
    yield "a folded one", (f"Bearer\r\n {key}",)
    yield "a token without a signature", (f"Bearer {_NONE}.{_PAYLOAD}.",)
    yield "a token of dots", ("Bearer ...",)
    yield "a long key", (f"Bearer baton_{'x' * 7_000}",)
    yield "a long token", (f"Bearer {'x' * 3_000}.{'x' * 3_000}.x",)
    yield "a megabyte", (f"Bearer {'x' * (1 << 20)}",)
    yield "SQL", ("Bearer baton_' OR '1'='1",)


def strangers(world: World) -> Iterator[Bad]:
    """Yield every guarded route with every credential that is none."""
    key = dict(world.pass_key)["Authorization"].removeprefix("Bearer ")
    for route in PLAIN_ROUTES:
        if route.role == "public":
            continue
        path = world.path(route)
        body, headers = body_of(route, World(world.values))
        for name, values in _forms(key):
            sent = request(route.method, path, (*headers, *(("Authorization", value) for value in values)), body)
            yield Bad("strangers", f"{title(route)} with {name}", (sent,), raw=True)
        for name, value in (
            ("X-Api-Key", key),
            ("Cookie", f"Authorization={key}"),
            ("X-Forwarded-User", "admin"),
            ("Proxy-Authorization", f"Bearer {key}"),
            ("X-Original-URL", "/livez"),
            ("X-Baton-Tenant", "default"),
        ):
            yield Bad(
                "strangers",
                f"{title(route)} with {name}",
                (request(route.method, path, (*headers, (name, value)), body),),
            )
        for query in (f"access_token={key}", f"ticket={key}", f"token={key}", f"key={key}"):
            yield Bad(
                "strangers", f"{title(route)} ?{query[:12]}", (request(route.method, f"{path}?{query}", headers, body),)
            )


def past_the_door(world: World) -> Iterator[Bad]:
    """Yield guarded paths behind the prefix of one that is not, without any credential."""
    for route in ROUTES:
        if route.role != "public":
            body, headers = body_of(route, World(world.values))
            for prefix in _PREFIXES:
                sent = request(route.method, prefix + world.path(route), headers, body)
                yield Bad("strangers", f"{title(route)} behind {prefix}", (sent,), raw=True)
