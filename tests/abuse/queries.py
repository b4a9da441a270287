"""Queries that say nothing sensible: every parameter of every route, and parameters that no route has."""

import base64
from collections.abc import Iterator
from typing import Any, Final

from abuse.bad import Bad, World, request, title
from abuse.examples import body_of
from baton_gateway.route import Route
from baton_gateway.routes import ROUTES

_NONSENSE: Final = (
    *(
        "",
        "%20",
        "%00",
        "%ff",
        "\xff",
        "%",
        "-1",
        "1.5",
        "1e3",
        "0x10",
        "%2b1",
        "1_0",
        "%d9%a3",
        "%ef%bc%91",
        "NaN",
        "null",
    ),
    *(
        "9" * 19,
        "9" * 400,
        "x" * 5_000,
        "[]",
        "{}",
        "[1]",
        "..%2f..",
        "'%20OR%201=1--",
        "%0d%0aX-Evil:%201",
        "TRUE",
        "%1b",
    ),
    *("1%00", "1%0a", "%201", "None", "Infinity", "-0", "%f0%9f%98%80", "%ed%a0%80", "%u0031"),
)
_ODD: Final = (
    *("id=1", "tenant=other", "tenant_id=x", "role=admin", "_method=DELETE", "method=POST", "admin=true", "debug=1"),
    *(
        "limit%00=1",
        "limit[]=1",
        "limit[$gt]=1",
        "LIMIT=1",
        "access_token=x",
        "token=x",
        "key=x",
        "callback=x",
        "=",
        "=1",
    ),
    *("&&x", "__proto__[x]=1", "%ff=1", "x" * 5_000, "&".join(f"a{n}=1" for n in range(500)), "a=1;b=2", "?", "x=%00"),
)
_MOMENTS: Final = (
    "now",
    "2026-13-01",
    "2026-02-30",
    "0000-01-01",
    "2026-11-24T25:00",
    "infinity",
    "2026-11-24T09:30Z+1",
    "@0",
)
_FORGED: Final = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"[1,2,3]",
    b'["name","x","y"]',
    b'["-created_at","now","' + b"0" * 32 + b'"]',
    b"[" * 3_000,
    b'["-created_at","2026-11-24T00:00:00+00:00",null]',
    b"\xff\xfe",
    b'["requests",NaN,1]',
)


def nonsense(world: World) -> Iterator[Bad]:
    """Yield every parameter with every nonsense, given twice, and parameters that there are not."""
    for route in ROUTES:
        for query in (*_of_fields(route), *_ODD):
            yield _asked(route, world, query)


def _of_fields(route: Route) -> Iterator[str]:
    for name, schema in route.query.model_json_schema().get("properties", {}).items():
        if not _takes_anything(schema) or name == "cursor":
            yield from (f"{name}={value}" for value in (*_NONSENSE, *(_MOMENTS if name == "as_of" else ())))
        if schema.get("type") != "array":
            yield f"{name}=1&{name}=1"
        if name == "cursor":
            yield from (f"cursor={base64.urlsafe_b64encode(forged).decode()}" for forged in _FORGED)


def _takes_anything(schema: dict[str, Any]) -> bool:
    kinds = [schema, *schema.get("anyOf", ())]
    return any(one.get("type") == "string" and not {"enum", "const", "pattern", "format"} & one.keys() for one in kinds)


def _asked(route: Route, world: World, query: str) -> Bad:
    body, headers = body_of(route, world)
    sent = request(route.method, f"{world.path(route)}?{query}", headers, body)
    return Bad("queries", f"{title(route)} ?{query[:60]}", (sent,))
