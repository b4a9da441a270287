"""Whether a payload class's shape changed in a way that old events, or old readers, would feel.

Shapes are JSON schemas. What may change is words (titles, descriptions) and new optional fields of an object that
lets unknown fields pass; anything else is a breach, named by its path.
"""

from collections.abc import Iterator
from typing import Any

_WORDS = {"title", "description"}
Schema = dict[str, Any]


def breaches(old: Schema, new: Schema) -> list[str]:
    """Return what a new schema does to the old one that is no mere addition."""
    return list(_compare(old, new, "$"))


def _compare(old: object, new: object, where: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _compare_objects(old, new, where)
    elif old != new:
        yield f"{where} was {old!r} and is {new!r}"


def _compare_objects(old: Schema, new: Schema, where: str) -> Iterator[str]:
    for key in sorted((old.keys() | new.keys()) - _WORDS):
        here = f"{where}.{key}"
        if key == "properties":
            yield from _compare_fields(old, new, where)
        elif key == "required":  # without order; a new field that is required is named by its properties
            yield from _compare_required(old, new, here)
        elif key == "$defs":
            yield from _compare_definitions(old.get(key, {}), new.get(key, {}), here)
        elif key in old and key in new:
            yield from _compare(old[key], new[key], here)
        else:
            yield f"{here} was {'dropped' if key in old else 'added'}"


def _compare_fields(old: Schema, new: Schema, where: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in sorted(before.keys() - after.keys()):
        yield f"{where}.{name} was dropped"
    for name in sorted(after.keys() - before.keys()):
        if name in new.get("required", ()):
            yield f"{where}.{name} is new and required, so no event that was written has it"
        if old.get("additionalProperties") is False:
            yield f"{where}.{name} is new in an object whose old readers refuse unknown fields"
    for name in sorted(before.keys() & after.keys()):
        yield from _compare(before[name], after[name], f"{where}.{name}")


def _compare_required(old: Schema, new: Schema, where: str) -> Iterator[str]:
    shared = old.get("properties", {}).keys() & new.get("properties", {}).keys()
    before, after = ({name for name in one.get("required", ()) if name in shared} for one in (old, new))
    if before != after:
        yield f"{where} changed for {', '.join(sorted(before ^ after))}"


def _compare_definitions(old: Schema, new: Schema, where: str) -> Iterator[str]:
    """A new definition does no harm by itself: whoever refers to it is compared."""
    for name in sorted(old):
        if name in new:
            yield from _compare(old[name], new[name], f"{where}.{name}")
        else:
            yield f"{where}.{name} was dropped"
