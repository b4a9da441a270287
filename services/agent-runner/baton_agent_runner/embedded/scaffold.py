"""The templates in `scaffold/`, and what they are rendered from.

Values reach a template as data and leave it through a filter that fits the place (a Python literal, an SQL name, a
comment, Markdown); a value is never rendered again as a template. A name that a template uses and nobody gave is an
error.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from baton_agent_runner.embedded.data_model import DataModel, Entity, EntityField

_SQL_TYPES: Final = {"integer": "INTEGER", "reference": "INTEGER", "boolean": "INTEGER", "number": "REAL"}
_SAMPLES: Final = {
    "date": "2030-01-31",
    "boolean": True,
    "note": "A few words\nand a second line.",
    "tags": ["fresh", "green"],
}


@dataclass(frozen=True, slots=True)
class Average:
    """A computed column: the average of a number in the records that refer to an entity."""

    column: str
    label: str
    of: str
    table: str
    reference: str


def render(template: str, model: DataModel, **more: object) -> str:
    """Return a template of `scaffold/` rendered for a data model; the same model gives the same text."""
    plurals = {entity.name: entity.plural for entity in model.entities}
    context: dict[str, Any] = {
        "title": model.title,
        "idea": model.idea,
        "language": model.language,
        "entities": [_as_generated(entity, plurals) for entity in model.entities],
        "has": features(model),
        "averages": averages(model),
    }
    return _ENVIRONMENT.get_template(f"{template}.jinja").render(context | more)


def features(model: DataModel) -> dict[str, bool]:
    """Return which optional parts the generated program has; some follow from the fields of its entities."""
    found = {name: name in model.features for name in ("search", "export", "import", "statistics")}
    names = {field.name for entity in model.entities for field in entity.fields}
    return found | {"tags": "tags" in names, "due": "due_on" in names, "favourites": "favourite" in names}


def averages(model: DataModel) -> dict[str, list[Average]]:
    """Return, by entity, the averages of the stars that other records give to it."""
    found: dict[str, list[Average]] = {}
    for entity in model.entities:
        for field in entity.references if entity.has("stars") else ():
            column = f"average_{entity.name}"
            if field.required and not model.entity(field.refers_to).has(column):
                label = f"Average {entity.label.lower() if model.language == 'en' else entity.label}"
                average = Average(column, label, "stars", entity.plural, field.name)
                found.setdefault(field.refers_to, []).append(average)
    return found


def _as_generated(entity: Entity, plurals: Mapping[str, str]) -> Entity:
    """Return an entity whose references name tables, as the generated code has it."""
    fields = (
        field.model_copy(update={"refers_to": plurals[field.refers_to]}) if field.refers_to else field
        for field in entity.fields
    )
    return entity.model_copy(update={"fields": tuple(fields)})


def literal(text: str) -> str:
    """Return a text as a Python string literal."""
    return json.dumps(text, ensure_ascii=False)


def declaration(field: EntityField) -> str:
    """Return the line that declares a field in `entities.py`."""
    parts = [literal(field.name), literal(field.label)]
    parts += [literal(field.type)] if field.type != "text" else []
    parts += ["required=True"] if field.required else []
    parts += [f"minimum={field.minimum}"] if field.minimum is not None else []
    parts += [f"maximum={field.maximum}"] if field.maximum is not None else []
    if field.choices:
        comma = "," if len(field.choices) == 1 else ""
        parts.append(f"choices=({', '.join(map(literal, field.choices))}{comma})")
    parts += [f"refers_to={literal(field.refers_to)}"] if field.refers_to else []
    return f"Field({', '.join(parts)})"


def column(field: EntityField) -> str:
    """Return the column of a field in `schema.sql`."""
    parts = [f'"{field.name}"', _SQL_TYPES.get(field.type, "TEXT")]
    parts += ["NOT NULL"] if field.required or field.type in {"boolean", "tags"} else []
    parts += ["DEFAULT 0"] if field.type == "boolean" else ["DEFAULT ''"] if field.type == "tags" else []
    if check := _check(field):
        parts.append(f"CHECK ({check})")
    if field.refers_to:
        parts.append(f'REFERENCES "{field.refers_to}" ("id") ON DELETE {"CASCADE" if field.required else "SET NULL"}')
    return " ".join(parts)


def _check(field: EntityField) -> str:
    name = f'"{field.name}"'
    if field.choices:
        return f"{name} IN ({', '.join(_sql_text(choice) for choice in field.choices)})"
    if field.minimum is not None and field.maximum is not None:
        return f"{name} BETWEEN {field.minimum} AND {field.maximum}"
    if field.minimum is not None:
        return f"{name} >= {field.minimum}"
    return f"{name} <= {field.maximum}" if field.maximum is not None else ""


def _sql_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def sample(field: EntityField) -> str:
    """Return a valid value of a field as a Python literal."""
    value = _SAMPLES.get(field.type) or f"Example {field.label.lower()}"
    if field.choices:
        value = field.choices[-1]
    elif field.type in {"integer", "number"}:
        low = 0 if field.minimum is None else field.minimum
        value = min(low + 4, field.maximum or low + 4) if field.type == "integer" else low + 2.5
    return literal(value) if isinstance(value, str) else str(value).replace("'", '"')


def references(entity: Entity) -> str:
    """Return the tables that an entity refers to, by field, as a Python literal."""
    return json.dumps({field.name: field.refers_to for field in entity.references})


def class_name(name: str) -> str:
    """Return an identifier in the style of a Python class: `meal_plans` -> `MealPlans`."""
    return "".join(part.capitalize() for part in name.split("_"))


def comment(text: str) -> str:
    """Return a text that may stand in a comment or a docstring: on one line, without quotes and backslashes."""
    return re.sub(r"[\"'`\\{}<>]+", "", " ".join(text.split())) or "the service"


def markdown(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]#|!{}~$])", r"\\\1", escaped)


def has_field(entity: Entity, name: str) -> bool:
    """Say whether an entity has a field of that name."""
    return entity.has(name)


# Autoescaping is for HTML alone; what is rendered here is Python, SQL and Markdown, each with its own filter.
_ENVIRONMENT: Final = Environment(  # noqa: S701
    loader=PackageLoader("baton_agent_runner.embedded", "scaffold"),
    variable_start_string="<<",
    variable_end_string=">>",
    block_start_string="[%",
    block_end_string="%]",
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
)
_FILTERS = (literal, declaration, column, sample, references, class_name, comment, markdown, has_field)
_ENVIRONMENT.filters |= {function.__name__: function for function in _FILTERS}
