"""The analyst's document: a data model put into requirements, user stories and features."""

from baton_agent_runner.embedded.data_model import DataModel, Entity, EntityField
from baton_agent_runner.embedded.inflection import singular
from baton_agent_runner.embedded.naming import join_words
from baton_agent_runner.embedded.wording import all_of, article, count, offered, say
from baton_contracts.handoffs import SoftwareSpecification


def specify(model: DataModel) -> SoftwareSpecification:
    """Return the specification of a program for a data model."""
    return SoftwareSpecification(
        core_idea=model.idea,
        high_level_features=[
            *(f"{entity.plural_label}: list, add, change and delete" for entity in model.entities),
            *(name for name, _ in offered(model)),
            "A JSON API with the same operations for every kind of record",
            "One HTML page that works without scripts",
        ],
        requirements=requirements(model),
        user_stories=user_stories(model),
    )


def requirements(model: DataModel) -> list[str]:
    """Return what the program must do, and what was asked for and is out of scope."""
    return [
        *(line for entity in model.entities for line in _about(model, entity)),
        *(what for _, what in offered(model)),
        "Refuse what is not valid with a message for each field, and keep nothing of it.",
        "Keep all records in one SQLite file; they survive a restart.",
        "Need nothing but Python 3.11 or later: no other package, no other service, no resource from the network.",
        "Escape all text on the page, and bind every value in SQL as a parameter.",
        *(f"Out of scope of the embedded model: {name}. Whoever can reach the service can use all of it."
          if name == "login" else f"Out of scope of the embedded model: {name}." for name in model.unsupported),
        *(f"Reviewer asked: {note} (not something that the embedded model can build)" for note in model.notes),
    ]  # fmt: skip


def _about(model: DataModel, entity: Entity) -> list[str]:
    fields = join_words([_field(field) for field in entity.fields if not field.refers_to])
    lines = [f"Keep {say(entity, model.language, many=True)}, each with {fields}."] if fields else []
    for field in entity.references:
        target = say(model.entity(field.refers_to), model.language)
        fate = "and is deleted with it" if field.required else "or to none"
        lines.append(f"Each {say(entity, model.language)} belongs to one {target} {fate}.")
    return lines


def _field(field: EntityField) -> str:
    label = field.label.lower()
    if field.choices:
        label += f" ({' / '.join(field.choices)})"
    elif field.minimum is not None and field.maximum is not None:
        label += f" ({field.minimum} to {field.maximum})"
    return f"{label} (required)" if field.required else label


def user_stories(model: DataModel) -> list[str]:
    """Return a story for each entity and each feature, told by the people whom the idea names."""
    people = [article(singular(actor.lower())) for actor in model.actors] or ["a user"]
    stories = [
        f"As {people[index % len(people)]}, I want to add, find, change and delete "
        f"{say(entity, model.language, many=True)}, so that {_benefit(model, entity)}."
        for index, entity in enumerate(model.entities)
    ]
    stories += [f"As {people[0]}, I want to {what[0].lower()}{what[1:]}" for _, what in offered(model)]
    developer = (
        f"As a developer, I want to read and write {all_of(model)} as JSON, so that other programs can use them."
    )
    return [*stories, developer]


def _benefit(model: DataModel, entity: Entity) -> str:
    owners = [say(model.entity(field.refers_to), model.language) for field in entity.references if field.required]
    return (
        f"I know which {say(entity, model.language, many=True)} belong to {article(owners[0])}"
        if owners
        else "they are all in one place"
    )


def summarise(model: DataModel) -> str:
    """Return what was found, as a message to a person."""
    names = join_words([say(entity, model.language) for entity in model.entities])
    text = f"I found {count(len(model.entities), 'entity', 'entities')}: {names}."
    if extra := [name[0].lower() + name[1:] if name[1:2].islower() else name for name, _ in offered(model)]:
        text += f" Beyond keeping them, the program offers: {join_words(extra)}."
    if model.unsupported:
        text += f" Out of scope for me: {join_words(model.unsupported)}."
    return text
