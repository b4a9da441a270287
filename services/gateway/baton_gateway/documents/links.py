"""From the ids in an answer to what can be done with them, as OpenAPI links.

They follow from names alone: an answer's field that is called like a path's parameter is one, and `id` of an entry in
`tasks` is a `task_id`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from baton_gateway.documents.document import Json
from baton_gateway.documents.requests import names_in
from baton_gateway.parameters import IDS, SLUGS
from baton_gateway.route import Route


def links_of(route: Route, names: Mapping[Route, str]) -> Json:
    """Return the links of a route's answer to other operations, by their names."""
    own = names_in(route.path)
    found = list(_ids_in(route.answer)) if route.answer else []
    return {
        names[other]: _link(names[other], {name: pointer}, own, other)
        for name, pointer in found
        if name not in own
        for other in names
        if name in names_in(other.path) and {*names_in(other.path)} <= {name, *own}
    }


def _link(target: str, from_answer: Mapping[str, str], own: list[str], other: Route) -> Json:
    kept = {name: f"$request.path.{name}" for name in names_in(other.path) if name in own}
    taken = {name: f"$response.body#{pointer}" for name, pointer in from_answer.items()}
    return {"operationId": target, "parameters": kept | taken}


def _ids_in(answer: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield each id in an answer, or in the first entry of its lists, with a JSON pointer to it."""
    for name, field in answer.model_fields.items():
        if name in IDS | SLUGS:
            yield name, f"/{name}"
        elif (entry := _entry(field.annotation)) is not None:
            singular = {"id": f"{name.removesuffix('s')}_id"}
            for inner in entry.model_fields:
                if (called := singular.get(inner, inner)) in IDS | SLUGS:
                    yield called, f"/{name}/0/{inner}"


def _entry(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - whatever a field is annotated with
    (inner,) = get_args(annotation) if get_origin(annotation) is list else (None,)
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
