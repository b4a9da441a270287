"""OpenAPI 3.1 of everything in the route table under `/api/v1`, from the table and the models alone.

Sockets are in the AsyncAPI document, and pages for people in none. A path that only adds a slash to another one is
that other one.
"""

import inspect
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel

from baton_contracts.rest import ProblemDocument
from baton_gateway.documents.document import Json
from baton_gateway.documents.links import links_of
from baton_gateway.documents.requests import KEY, KNOWN, body_of, parameters_of
from baton_gateway.documents.responses import HEADERS, problem_responses, problems_of, responses_of
from baton_gateway.documents.schemas import ANY_JSON, Asked, any_json, as_sent, schemas_of
from baton_gateway.route import Route

_ELSEWHERE: Final = ("/ws", "/docs")
_BEARER: Final = "bearer"
_SCHEME: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key (`baton keys create`), or a token of the OpenID provider where one is set up.",
}


def openapi(routes: Sequence[Route], *, guarded: bool = True) -> Json:
    """Return the OpenAPI document of a route table; a gateway that is not `guarded` asks for no key."""
    told = told_of(routes)
    asked = [one for route in told for one in _models(route)]
    references, found = schemas_of([*asked, (ProblemDocument, "validation")])
    sent = _reached(found, [references[route.body, "validation"] for route in told if route.body])

    def refer(model: type[BaseModel]) -> Json:
        return references.get((model, "serialization")) or references[model, "validation"]

    names, tags = operation_ids(told), tags_of(told)
    paths: dict[str, Json] = {}
    for route in told:
        operation = _operation(route, names[route], tags[route]) | {"responses": responses_of(route, refer)}
        if guarded:
            operation["security"] = [] if route.role == "public" else [{_BEARER: []}]
        if route.body:
            operation["requestBody"] = body_of(route, references[route.body, "validation"])
        if links := links_of(route, names):
            operation["responses"][str(route.status)]["links"] = links
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": info("Baton", "Turns a product idea into reviewed, downloadable software."),
        "tags": _explained(told, tags.values()),
        "paths": paths,
        "components": {
            "securitySchemes": {_BEARER: _SCHEME},
            "schemas": {name: as_sent(schema) if name in sent else schema for name, schema in found.items()}
            | {ANY_JSON: any_json()},
            "parameters": {parameter["name"]: parameter for parameter in (KEY, KNOWN)},
            "headers": HEADERS,
            "responses": problem_responses((status for route in told for status in problems_of(route)), refer),
        },
    }


def info(title: str, description: str) -> Json:
    """Return what a document says about itself."""
    return {
        "title": title,
        "version": version("baton-gateway"),
        "description": description,
        "license": {"name": "Apache-2.0"},
    }


def told_of(routes: Iterable[Route]) -> list[Route]:
    """Return the routes that the document tells of."""
    paths = {route.path for route in routes}
    return [
        route
        for route in routes
        if not route.path.startswith(_ELSEWHERE) and not (route.path[-1] == "/" and route.path[:-1] in paths)
    ]


def operation_ids(routes: Sequence[Route]) -> dict[Route, str]:
    """Return a name for each route: its module's and its handler's, with a number from the second of a name on."""
    seen: Counter[str] = Counter()
    names = {}
    for route in routes:
        name = f"{_module(route)}_{route.handle.__name__}"
        seen[name] += 1
        names[route] = name if seen[name] == 1 else f"{name}_{seen[name]}"
    return names


def tags_of(routes: Sequence[Route]) -> dict[Route, str]:
    """Return the resource of each route: its path's first word where handlers have a module of it, else their own."""
    modules = {_module(route) for route in routes}
    firsts = {route: route.path.removeprefix("/api/v1").split("/")[1] for route in routes}
    return {route: first if first in modules else _module(route) for route, first in firsts.items()}


def _module(route: Route) -> str:
    return route.handle.__module__.rpartition(".")[2]


def _models(route: Route) -> list[Asked]:
    body: list[Asked] = [(route.body, "validation")] if route.body else []
    return body + ([(route.answer, "serialization")] if route.answer else [])


def _reached(components: Json, start: Sequence[Json]) -> set[str]:
    """Return the names of the components that some schemas refer to, directly or not."""
    reached: set[str] = set()
    waiting: list[Any] = list(start)
    while waiting:
        schema = waiting.pop()
        waiting.extend(schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ())
        if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
            name = schema["$ref"].rpartition("/")[2]
            if name not in reached:
                reached.add(name)
                waiting.append(components[name])
    return reached


def _operation(route: Route, name: str, tag: str) -> Json:
    summary, _, rest = (inspect.getdoc(route.handle) or "").partition("\n")
    operation: Json = {"operationId": name, "tags": [tag], "summary": summary.rstrip(".")}
    if rest.strip():
        operation["description"] = rest.strip()
    allowed: Json = {"x-required-role": route.role} | ({"x-spans-tenants": True} if route.spans_tenants else {})
    return operation | allowed | {"parameters": parameters_of(route)}


def _explained(routes: Sequence[Route], tags: Iterable[str]) -> list[Json]:
    """Return each tag with the first line of its module."""
    modules = {_module(route): sys.modules[route.handle.__module__] for route in routes}
    return [{"name": tag, "description": _first_line(modules[tag])} for tag in dict.fromkeys(tags)]


def _first_line(module: object) -> str:
    return (inspect.getdoc(module) or "").partition("\n")[0]
