"""Bodies that do not fit: every field of every body confused in its type, and fields that are none of the client's."""

import json
from collections.abc import Iterator
from typing import Final

from abuse.bad import JSON, PLAIN_ROUTES, Bad, World, request, title
from abuse.examples import Schema, example, schema_of, types_of
from baton_gateway.route import Route

_VALUES: Final[dict[str, tuple[object, ...]]] = {
    "null": (None,),
    "boolean": (True, False),
    "integer": (0, -1, 1, 2**63, 10**90),
    "number": (1.5, -0.0001, 1e308),
    "string": ("text", "", "null", "0", "[]", "\u202e", "x" * 30_000),
    "array": ([], [None], [[]], ["text", 1], [{}], [[[[[]]]]]),
    "object": ({"a": {}}, {"$ne": None}, {"__proto__": {"admin": True}}, {"": None}, {"a": {"b": {"c": []}}}),
}
_EXTRAS: Final[dict[str, object]] = {
    **dict.fromkeys(("id", "project_id", "task_id", "request_id", "event_id", "causation_id"), "{id}"),
    **dict.fromkeys(("tenant", "tenant_id", "owner", "actor", "responded_by", "created_by", "user"), "other"),
    **dict.fromkeys(("status", "new_status"), "completed"),
    **dict.fromkeys(("created_at", "updated_at", "timestamp", "expires_at"), "2000-01-01T00:00:00Z"),
    **dict.fromkeys(("role", "roles", "scope", "is_admin", "admin", "principal", "auth"), "admin"),
    **dict.fromkeys(("position", "version", "attempt", "epoch", "hash", "schema_version"), 1),
    **dict.fromkeys(("__proto__", "constructor", "prototype", "__class__", "__init__", "model_config"), "admin"),
    **dict.fromkeys(("_method", "paused", "force", "$where", "", "a.b", "a/b", "\u200b", "product_idea "), "x"),
}


def confused(world: World) -> Iterator[Bad]:
    """Yield every field with every value of a type that its schema does not take, nested ones too."""
    for route in PLAIN_ROUTES:
        if route.body:
            whole, fits = schema_of(route), example(route, world)
            for name, schema in whole["properties"].items():
                for value in _strangers(schema, whole):
                    yield _sent("types", route, world, fits | {name: value}, f"{name}={str(value)[:40]}")
            for missing in whole.get("required", ()):
                rest = {name: value for name, value in fits.items() if name != missing}
                yield _sent("types", route, world, rest, f"without {missing}")


def _strangers(schema: Schema, whole: Schema) -> Iterator[object]:
    taken = types_of(schema, whole)
    if taken:
        yield from (value for kind, values in _VALUES.items() if kind not in taken for value in values)
    inner = schema.get("additionalProperties")
    if isinstance(inner, dict):
        yield from ({"name": value} for value in _strangers(inner, whole))


def privileged(world: World) -> Iterator[Bad]:
    """Yield every body with each field that is not the client's to say."""
    for route in PLAIN_ROUTES:
        if route.method == "GET":
            continue
        known = schema_of(route)["properties"] if route.body else {}
        for name, value in _EXTRAS.items():
            if name not in known:
                said = world.values["project_id"] if value == "{id}" else value
                yield _sent("extras", route, world, example(route, world) | {name: said}, f"with {name!r}")


def _sent(kind: str, route: Route, world: World, body: object, words: str) -> Bad:
    sent = request(route.method, world.path(route), (*world.pass_key, JSON), json.dumps(body).encode())
    return Bad(kind, f"{title(route)} {words}", (sent,))
