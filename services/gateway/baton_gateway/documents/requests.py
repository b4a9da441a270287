"""What a route takes, as OpenAPI: parameters of its path, query and headers, and its body."""

import re
from http import HTTPStatus
from typing import Any, Final

from baton_contracts.definitions import SLUG_PATTERN
from baton_contracts.ids import ID_PATTERN
from baton_gateway import idempotency
from baton_gateway.documents.document import Json
from baton_gateway.documents.schemas import Untitled
from baton_gateway.parameters import IDS
from baton_gateway.query import Query
from baton_gateway.route import Route

KEY: Final = {
    "name": idempotency.HEADER,
    "in": "header",
    "description": "The same request with the same key has one effect and one answer; another one with it gets 422.",
    "schema": {"type": "string", "pattern": f"^{idempotency.KEY.pattern}$"},
}
KNOWN: Final = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of the answer that the client has; 304 where it still holds.",
    "schema": {"type": "string"},
}
ID: Final = {"type": "string", "format": "uuid", "pattern": ID_PATTERN}
_SLUG: Final = {"type": "string", "pattern": SLUG_PATTERN}


def parameters_of(route: Route) -> list[Json]:
    """Return every parameter of a route."""
    headers = [KEY] if route.method != "GET" else [KNOWN] if HTTPStatus.NOT_MODIFIED in route.also else []
    return [*map(_in_path, names_in(route.path)), *_in_query(route.query), *map(_shared, headers)]


def body_of(route: Route, reference: Json) -> Json:
    """Return a route's body, whose schema is this."""
    return {"required": route.body_required, "content": {"application/json": {"schema": reference}}}


def names_in(path: str) -> list[str]:
    """Return the names of a path's parameters."""
    return re.findall(r"\{(\w+)\}", path)


def _in_path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": ID if name in IDS else _SLUG}


def _in_query(model: type[Query]) -> list[Json]:
    schema = model.model_json_schema(schema_generator=Untitled)
    return [_query(name, name in schema.get("required", ()), field) for name, field in _fields(schema)]


def _fields(schema: Json) -> list[tuple[str, Json]]:
    return [(name, _given(field)) for name, field in schema.get("properties", {}).items()]


def _given(schema: Json) -> Json:
    """Return the schema of what is there: a parameter that may be left out is never null, and no empty list."""
    kept: Json = {name: value for name, value in schema.items() if not (name == "default" and value in (None, []))}
    choices = [choice for choice in kept.pop("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        return {**choices[0], **kept}
    return kept | ({"anyOf": choices} if choices else {})


def _query(name: str, required: bool, schema: Json) -> Json:  # noqa: FBT001 - what the schema says
    found: dict[str, Any] = {"name": name, "in": "query", "schema": schema}
    if required:
        found["required"] = True
    if description := schema.pop("description", None):
        found["description"] = description
    if schema.get("type") == "array":
        found |= {"style": "form", "explode": False, "schema": schema | {"minItems": 1}}
    return found


def _shared(parameter: Json) -> Json:
    return {"$ref": f"#/components/parameters/{parameter['name']}"}
