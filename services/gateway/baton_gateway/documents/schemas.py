"""JSON schemas of the models, and what the gateway's own checks add to them.

A pydantic model does not know that `body` refuses NUL characters in every text and name of a request; here each
schema of a body says so. Lone surrogates, and more levels or values than the settings allow, are refused too, which
no JSON schema can say.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from baton_gateway.documents.document import Json

REF: Final = "#/components/schemas/{model}"
ANY_JSON: Final = "AnyJson"
_TEXT: Final = {"pattern": r"^[^\x00]*$"}
_SAID: Final = frozenset({"pattern", "enum", "const", "format"})
_ANY: Final = {"$ref": REF.format(model=ANY_JSON)}
_OBJECT: Final = {"type": "object", "propertyNames": _TEXT, "additionalProperties": _ANY}
Asked = tuple[type[BaseModel], JsonSchemaMode]


class Untitled(GenerateJsonSchema):
    """Pydantic's schemas without a title a field, which only repeats its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - any of pydantic's core schemas
        """Say no."""
        return False


def schemas_of(models: Iterable[Asked]) -> tuple[Mapping[Any, Json], Json]:
    """Return a reference for each model, in its mode, and the components that they refer to."""
    references, found = models_json_schema(
        sorted(set(models), key=lambda asked: (asked[0].__name__, asked[1])),
        ref_template=REF,
        schema_generator=Untitled,
    )
    return references, found.get("$defs", {})


def any_json() -> Json:
    """Return the schema of any JSON that a body may hold."""
    return {
        "description": "Any JSON without NUL characters; a gateway limits how deep it is and how many values it holds.",
        "anyOf": [{"type": ["null", "boolean", "number"]}, {"type": "string"} | _TEXT, _array(), _OBJECT],
    }


def _array() -> Json:
    return {"type": "array", "items": _ANY}


def as_sent(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a schema of a body with what is refused of every text in it."""
    match schema:
        case list():
            return [as_sent(one) for one in schema]
        case {"type": "object", "additionalProperties": dict() | True as values}:
            names = schema.get("propertyNames", {}) | _TEXT
            values = _ANY if values is True else as_sent(values)
            return schema | {"propertyNames": names, "additionalProperties": values}
        case {"type": "string"} if not _SAID & schema.keys():
            return schema | _TEXT
        case dict():
            return {name: as_sent(value) for name, value in schema.items()}
        case _:
            return schema
