"""The data model of a program: its entities, their fields, and the features beyond keeping records.

Invariants: identifiers are safe (see `identifiers`) and distinct; at least one entity; a reference names an entity of
the model and references form no circle. The model is kept as JSON in artifacts, so it is validated wherever it is read.
"""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from baton_agent_runner.embedded.identifiers import LONGEST, RESERVED_ENTITIES, RESERVED_FIELDS

Name = Annotated[str, StringConstraints(pattern=rf"^[a-z][a-z0-9_]{{0,{LONGEST - 1}}}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Kind = Literal["text", "note", "integer", "number", "date", "boolean", "choice", "tags", "reference"]
Feature = Literal["search", "export", "import", "tags", "statistics", "due", "favourites"]
KINDS_BY_NAME: Mapping[str, str] = {
    "tags": "tags",
    "due_on": "date",
    "favourite": "boolean",
    "done": "boolean",
    "stars": "integer",
}
"""Fields that the generated code treats specially, so that they must be of this type."""
MOST_ENTITIES = 8
MOST_FIELDS = 16


class Part(BaseModel):
    """A frozen part of the data model that refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EntityField(Part):
    """A column; `refers_to` is the name of the entity that a reference points at."""

    name: Name
    label: Label
    type: Kind = "text"
    required: bool = False
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[Label, ...] = ()
    refers_to: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.name in RESERVED_FIELDS or KINDS_BY_NAME.get(self.name, self.type) != self.type:
            raise ValueError(f"{self.name} is reserved")
        if (self.type == "reference") != bool(self.refers_to) or (self.type == "choice") != bool(self.choices):
            raise ValueError("a reference refers to an entity, and a choice has choices")
        return self


class Entity(Part):
    """A kind of record: `name` is one of them, `plural` the table and path, the labels are for people."""

    name: Name
    plural: Name
    label: Label
    plural_label: Label
    fields: tuple[EntityField, ...] = Field(min_length=1, max_length=MOST_FIELDS)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [field.name for field in self.fields]
        if len(set(names)) < len(names) or not any(field.required for field in self.fields):
            raise ValueError("field names are distinct and at least one field is required")
        if self.plural in RESERVED_ENTITIES:
            raise ValueError(f"{self.plural} is reserved")
        return self

    def has(self, name: str) -> bool:
        """Say whether there is a field of that name."""
        return any(field.name == name for field in self.fields)

    @property
    def references(self) -> tuple[EntityField, ...]:
        """The fields that point at other entities."""
        return tuple(field for field in self.fields if field.refers_to)


class DataModel(Part):
    """What a program keeps and offers; `unsupported` was asked for and cannot be built, `notes` not understood."""

    title: Label
    idea: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] = "en"
    actors: tuple[Label, ...] = ()
    entities: tuple[Entity, ...] = Field(min_length=1, max_length=MOST_ENTITIES)
    features: tuple[Feature, ...] = ()
    unsupported: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        for names in ([e.name for e in self.entities], [e.plural.replace("_", "") for e in self.entities]):
            if len(set(names)) < len(names):
                raise ValueError("two entities have one name")
        graph = {e.name: {field.refers_to for field in e.references} for e in self.entities}
        if not set().union(*graph.values()) <= graph.keys():
            raise ValueError("a reference names no entity of the model")
        try:
            TopologicalSorter(graph).prepare()
        except CycleError:
            raise ValueError("references form a circle") from None
        return self

    def entity(self, name: str) -> Entity:
        """Return the entity of that name; `KeyError` where there is none."""
        for entity in self.entities:
            if entity.name == name:
                return entity
        raise KeyError(name)

    def having(self, **changes: object) -> "DataModel":
        """Return a copy with the changes, validated."""
        return DataModel.model_validate(dict(self) | changes)
