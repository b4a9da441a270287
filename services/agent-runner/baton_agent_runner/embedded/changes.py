"""Changes to a data model: entities, fields, references and features come and go.

Each function returns a new model; where a change is not possible (the last entity, a full model, a circle of
references) it returns the model unchanged, and the caller sees that by comparing.
"""

from baton_agent_runner.embedded.data_model import MOST_ENTITIES, MOST_FIELDS, DataModel, Entity, EntityField
from baton_agent_runner.embedded.lexicon import ENGLISH, UNSUPPORTED
from baton_agent_runner.embedded.nouns import entity_of, field_from, label_of, reference_to

FIELD_FEATURES = {
    "tags": EntityField(name="tags", label="Tags", type="tags"),
    "favourites": EntityField(name="favourite", label="Favourite", type="boolean"),
    "due": EntityField(name="due_on", label="Due on", type="date"),
}
"""Features that are a field of the entities that they are asked for."""
RECORD_FEATURES = {"ratings": "rating", "comments": "comment"}
"""Features that are an entity of their own, by its noun."""


def add_entity(model: DataModel, entity: Entity, of: Entity | None = None) -> DataModel:
    """Add an entity, belonging to another where that is given."""
    if len(model.entities) >= MOST_ENTITIES:
        return model
    added = model.having(entities=(*model.entities, entity))
    return refer(added, entity.name, of.name, required=True) if of else added


def refer(model: DataModel, name: str, target: str, *, required: bool = False) -> DataModel:
    """Let an entity refer to another, unless it does, or that would close a circle."""
    if name == target or _reaches(model, target, name):
        return model
    return add_field(model, name, reference_to(model.entity(target), required=required))


def _reaches(model: DataModel, start: str, goal: str) -> bool:
    return start == goal or any(_reaches(model, field.refers_to, goal) for field in model.entity(start).references)


def add_field(model: DataModel, name: str, field: EntityField) -> DataModel:
    """Add a field to an entity, unless it has one of that name; a reference comes first on the page."""
    entity = model.entity(name)
    if entity.has(field.name) or len(entity.fields) >= MOST_FIELDS:
        return model
    others = tuple(other for other in entity.fields if not other.refers_to)
    fields = (*entity.references, field, *others) if field.refers_to else (*entity.fields, field)
    return replace(model, name, entity.model_copy(update={"fields": fields}))


def remove_field(model: DataModel, name: str, field: str) -> DataModel:
    """Remove a field from an entity; the last required field stays."""
    entity = model.entity(name)
    rest = tuple(kept for kept in entity.fields if kept.name != field)
    if not any(kept.required for kept in rest):
        return model
    left = replace(model, name, entity.model_copy(update={"fields": rest}))
    gone = {f for f, made in FIELD_FEATURES.items() if not any(other.has(made.name) for other in left.entities)}
    return left.having(features=tuple(feature for feature in left.features if feature not in gone))


def remove_entity(model: DataModel, name: str) -> DataModel:
    """Remove an entity and what refers to it by a required reference alone; the last entity stays."""
    rest = [entity for entity in model.entities if entity.name != name]
    if not rest:
        return model
    return model.having(entities=tuple(_forget(entity, name) for entity in rest))


def _forget(entity: Entity, name: str) -> Entity:
    """Return an entity without its references to another, and with a name where nothing required is left."""
    fields = tuple(field for field in entity.fields if field.refers_to != name)
    if not any(field.required for field in fields):
        fields = (field_from("name*"), *(field for field in fields if field.name != "name"))
    return entity.model_copy(update={"fields": fields})


def replace(model: DataModel, name: str, entity: Entity) -> DataModel:
    """Put an entity in the place of another, and let references follow it to its new name."""
    entities = [entity if other.name == name else other for other in model.entities]
    if entity.name != name:
        entities = [_follow(other, name, entity) for other in entities]
    return model.having(entities=tuple(entities))


def _follow(entity: Entity, old: str, target: Entity) -> Entity:
    fields = tuple(
        reference_to(target, required=field.required) if field.refers_to == old else field for field in entity.fields
    )
    return entity.model_copy(update={"fields": fields})


def add_feature(model: DataModel, feature: str, of: Entity | None = None, label: str = "") -> DataModel:
    """Add a feature, to one entity where that is given; what cannot be built is kept as unsupported.

    `label` is what people call a feature that is an entity of its own, where that is not the English word.
    """
    if feature in UNSUPPORTED:
        return model.having(unsupported=tuple(dict.fromkeys((*model.unsupported, feature))))
    if feature in RECORD_FEATURES:
        return _add_record_feature(model, RECORD_FEATURES[feature], of, label)
    if feature in FIELD_FEATURES:
        for entity in [of] if of else _main_entities(model):
            model = add_field(model, entity.name, FIELD_FEATURES[feature])
        if not any(entity.has(FIELD_FEATURES[feature].name) for entity in model.entities):
            return model
    return model.having(features=tuple(dict.fromkeys((*model.features, feature))))


def _add_record_feature(model: DataModel, noun: str, of: Entity | None, label: str) -> DataModel:
    found = [entity for entity in model.entities if entity.name == noun]
    target = of or _main_entities(model)[0]
    if found:
        return model if found[0].references else refer(model, noun, target.name, required=True)
    entity = entity_of((noun,), (noun,), model.entities, english=True)
    if label:
        entity = entity.model_copy(update={"label": label_of(label), "plural_label": label_of(label)})
    return add_entity(model, entity, target)


def _main_entities(model: DataModel) -> list[Entity]:
    """Return the entities that a feature is about where nobody said which: no parts, and no mere records of use."""
    main = [e for e in model.entities if not any(field.required for field in e.references)]
    useful = [e for e in main if not e.name.endswith(tuple(ENGLISH["transactional"]))]
    people = ENGLISH["people"] | ENGLISH["always_entities"]
    return [e for e in useful if e.name.split("_")[-1] not in people] or useful or main


def remove_feature(model: DataModel, feature: str) -> DataModel:
    """Remove a feature with the fields or the entity that it brought."""
    if feature in RECORD_FEATURES:
        noun = RECORD_FEATURES[feature]
        return remove_entity(model, noun) if any(e.name == noun for e in model.entities) else model
    kept = tuple(other for other in model.features if other != feature)
    model = model.having(features=kept, unsupported=tuple(u for u in model.unsupported if u != feature))
    for entity in model.entities:
        if feature in FIELD_FEATURES and entity.has(FIELD_FEATURES[feature].name):
            model = remove_field(model, entity.name, FIELD_FEATURES[feature].name)
    return model
