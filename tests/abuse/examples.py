"""What fits: for every route that takes a body, the smallest one that would be accepted."""

import json
from typing import Any, Final

from abuse.bad import JSON, World
from baton_gateway.route import Route

Schema = dict[str, Any]
_WORDS: Final[dict[str, object]] = {
    "product_idea": "A bad input that was accepted",
    "action": "reject",
    "max_age_hours": 0,
    "workflow_id": "idea-to-software",
}


def schema_of(route: Route) -> Schema:
    """Return the schema of a route's body."""
    assert route.body
    return route.body.model_json_schema()


def example(route: Route, world: World) -> dict[str, object]:
    """Return a body that fits; what a new field takes is named in `_WORDS` or `world`."""
    if route.body is None:
        return {}
    return {name: world.values.get(name, _WORDS.get(name, "x")) for name in schema_of(route).get("required", ())}


def body_of(route: Route, world: World) -> tuple[bytes | None, tuple[tuple[str, str], ...]]:
    """Return what a request of a route needs beside its path: a body, and its headers."""
    if route.body is None:
        return None, world.pass_key
    return json.dumps(example(route, world)).encode(), (*world.pass_key, JSON)


def types_of(schema: Schema, whole: Schema) -> set[str]:
    """Return the JSON types that a schema takes; none where it takes any."""
    if "$ref" in schema:
        return types_of(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    found = {schema["type"]} if "type" in schema else set()
    for one in schema.get("anyOf", ()):
        found |= types_of(one, whole)
    return found | ({"integer"} if "number" in found else set())
