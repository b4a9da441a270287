"""Nouns made into entities and fields: identifiers, labels, and what is usually kept about such a thing."""

from collections.abc import Collection, Sequence
from typing import Final

from baton_agent_runner.embedded.data_model import KINDS_BY_NAME, Entity, EntityField
from baton_agent_runner.embedded.foreign_inflection import foreign_singular
from baton_agent_runner.embedded.identifiers import (
    RESERVED_ENTITIES,
    RESERVED_FIELDS,
    distinct,
    identifier,
    readable,
)
from baton_agent_runner.embedded.inflection import plural, singular
from baton_agent_runner.embedded.lexicon import ATTRIBUTES, UNCOUNTABLE, USUAL_FIELDS

_LONGEST_LABEL: Final = 40
_FIELDS_OF_ANYTHING: Final = "name* description:note"


def one_of(words: Sequence[str], code: str = "en") -> tuple[str, ...]:
    """Return a noun phrase of at most two words in the singular: ("weekly", "meal", "plans") -> ("meal", "plan")."""
    if code != "en":
        return tuple(foreign_singular(word, code) for word in words[-2:])
    *modifiers, noun = words[-2:]
    piece = UNCOUNTABLE.get(noun) or UNCOUNTABLE.get(singular(noun))
    return (piece,) if piece else (*modifiers, singular(noun))


def entity_of(words: Sequence[str], written: Sequence[str], taken: Collection[Entity], *, english: bool) -> Entity:
    """Return an entity with its usual fields for a noun phrase in the singular; its names differ from `taken`."""
    noun = " ".join(words)
    many = " ".join((*words[:-1], plural(words[-1]))) if noun[-1:].isascii() else noun
    if not english:
        many = " ".join(written or words)
        noun = many if many.lower() == noun else noun
    name = distinct(_free(identifier(noun)), {entity.name for entity in taken}, "item")
    table = distinct(_free(identifier(many)), {entity.plural for entity in taken}, "items")
    usual = USUAL_FIELDS.get("_".join(words)) or USUAL_FIELDS.get(words[-1], _FIELDS_OF_ANYTHING)
    return Entity(
        name=name,
        plural=table,
        label=label_of(noun),
        plural_label=label_of(many),
        fields=tuple(field_from(spec) for spec in usual.split()),
    )


def _free(name: str) -> str:
    return f"{name}_entry" if name in RESERVED_ENTITIES else name


def label_of(text: str) -> str:
    """Return a text as a label: on one line, beginning with a capital."""
    line = readable(text.replace("_", " "), _LONGEST_LABEL) or "Item"
    return line[0].upper() + line[1:]


def field_from(spec: str) -> EntityField:
    """Return the field that an entry of `fields.txt` describes, such as `stars*:integer:1:5`."""
    name, *rest = spec.split(":")
    required, name = name.endswith("*"), name.removesuffix("*")
    kind, *limits = rest or ["text"]
    label = label_of(name)
    if kind.startswith("choice="):
        choices = tuple(kind.removeprefix("choice=").split("|"))
        return EntityField(name=name, label=label, type="choice", required=required, choices=choices)
    low, high = [*map(int, limits), None, None][:2]
    values = {"name": name, "label": label, "type": kind, "required": required, "minimum": low, "maximum": high}
    return EntityField.model_validate(values)


def property_of(words: Sequence[str]) -> EntityField:
    """Return the field for the noun of a property: "release date" is a date, "price" a number, else a text."""
    noun = singular(words[-1]) if singular(words[-1]) in ATTRIBUTES else words[-1]
    noun = noun if noun in ATTRIBUTES else singular(noun)
    kind = ATTRIBUTES.get(noun, "text")
    text = " ".join((*words[-3:-1], noun if kind != "note" else words[-1]))
    name = identifier(text) or "detail"
    name = f"{name}_value" if name in RESERVED_FIELDS else name
    kind = KINDS_BY_NAME.get(name, kind)
    minimum = 0 if noun in {"price", "quantity", "age", "amount"} else None
    return EntityField.model_validate({"name": name, "label": label_of(text), "type": kind, "minimum": minimum})


def reference_to(entity: Entity, *, required: bool) -> EntityField:
    """Return the field that points at an entity."""
    name = f"{entity.name[:37]}_id"
    return EntityField(name=name, label=entity.label, type="reference", required=required, refers_to=entity.name)
