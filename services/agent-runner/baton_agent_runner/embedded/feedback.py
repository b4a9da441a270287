"""What people said about a result, applied to the data model: add, remove and rename, in order.

A sentence may hold several commands ("add an export and leave out ratings"). What changes nothing is kept as a note,
word for word, so that it is never lost silently.
"""

from collections.abc import Callable
from dataclasses import dataclass

from baton_agent_runner.embedded import changes
from baton_agent_runner.embedded.commands import Command, commands, noun_words, owner_in, parts_of
from baton_agent_runner.embedded.data_model import DataModel, Entity, EntityField
from baton_agent_runner.embedded.extraction import features_in, find, join, mentions_of, relate
from baton_agent_runner.embedded.identifiers import readable
from baton_agent_runner.embedded.inflection import is_plural, singular
from baton_agent_runner.embedded.lexicon import ATTRIBUTES, ENGLISH, UNSUPPORTED, USUAL_FIELDS
from baton_agent_runner.embedded.nouns import entity_of, one_of, property_of
from baton_agent_runner.embedded.tokens import tokens
from baton_agent_runner.embedded.wording import say


@dataclass(frozen=True, slots=True)
class Outcome:
    """A data model after feedback, and what changed in it, in plain words."""

    model: DataModel
    done: tuple[str, ...]


def apply(model: DataModel, texts: tuple[str, ...]) -> Outcome:
    """Apply feedback texts in order; what changes nothing is added to the model's notes."""
    done: list[str] = []
    for text in texts:
        for command in commands(text):
            changed, what = _follow(model, command)
            if what:
                model = relate(changed)
                done += what
            else:
                model = model.having(notes=tuple(dict.fromkeys((*model.notes, readable(command.clause, 300)))))
    return Outcome(model, tuple(done))


def _follow(model: DataModel, command: Command) -> tuple[DataModel, list[str]]:
    """Return the model after a command, and what that changed, which may be nothing."""
    match command.kind:
        case "rename":
            return _rename(model, command.target, command.name)
        case "remove":
            return _each(model, command.target, _remove_one)
        case "add":
            return _each(model, command.target, _add_one)
    if wanted := list(dict.fromkeys(features_in(command.target))):
        return _add_features(model, wanted, None)
    return _add_mentioned(model, command.clause) if command.kind == "permit" else (model, [])


_Change = Callable[[DataModel, list[str], Entity | None], tuple[DataModel, list[str]]]


def _each(model: DataModel, target: str, change: _Change) -> tuple[DataModel, list[str]]:
    """Apply a change to each part of a list such as "ratings, comments and tags from recipes"."""
    meant, whose = owner_in(target)
    owner = find(model, noun_words(whose)) if whose else None
    done: list[str] = []
    for part in parts_of(meant if owner else target):
        if words := noun_words(part):
            model, what = change(model, words, owner)
            done += what
    return model, done


def _rename(model: DataModel, old: str, new: str) -> tuple[DataModel, list[str]]:
    entity = model.entities[0] if old.lower() in {"it", "them"} else find(model, noun_words(old))
    words = noun_words(new)
    if entity is None or not words:
        return model, []
    others = [other for other in model.entities if other != entity]
    english = model.language == "en"
    written = [token.written for token in tokens(new) if not token.is_mark]
    named = entity_of(one_of(words, model.language), written, others, english=english)
    renamed = named.model_copy(update={"fields": entity.fields})
    return changes.replace(model, entity.name, renamed), [
        f"renamed {say(entity, model.language)} to {say(renamed, model.language)}"
    ]


def _named(feature: str) -> str:
    return {"due": "due dates", "export": "CSV export", "import": "CSV import"}.get(feature, feature)


def _remove_one(model: DataModel, words: list[str], owner: Entity | None) -> tuple[DataModel, list[str]]:
    phrase = " ".join(words)
    entity = find(model, words)
    if entity and owner is None and (after := changes.remove_entity(model, entity.name)) != model:
        return after, [f"removed {say(entity, model.language)}"]
    for candidate in [owner] if owner else model.entities:
        field = _field(candidate, words)
        if field in changes.FIELD_FEATURES.values() and owner is None:
            continue  # the feature goes, wherever it is
        if field and (after := changes.remove_field(model, candidate.name, field.name)) != model:
            return after, [f"removed {field.label.lower()} from {say(candidate, model.language)}"]
    done: list[str] = []
    for feature in dict.fromkeys(features_in(phrase)):
        if (after := changes.remove_feature(model, feature)) != model:
            model, done = after, [*done, f"removed {_named(feature)}"]
        elif feature in UNSUPPORTED or feature not in changes.RECORD_FEATURES:
            done.append(f"left {_named(feature)} out")
    return model, done


def _field(entity: Entity, words: list[str]) -> EntityField | None:
    """Return the field that words name; its title and its references are not for removal by accident."""
    names = {"_".join(words), "_".join((*words[:-1], singular(words[-1])))}
    return next((f for f in entity.fields if not f.refers_to and (f.name in names or f.label.lower() in names)), None)


def _add_one(model: DataModel, words: list[str], owner: Entity | None) -> tuple[DataModel, list[str]]:
    if wanted := list(dict.fromkeys(features_in(" ".join(words)))):
        return _add_features(model, wanted, owner)
    if any(word in ENGLISH["verbs"] and word not in ENGLISH["verb_or_noun"] for word in words):
        return _add_mentioned(model, " ".join(words))
    words = [word for word in words if word not in ENGLISH["stop"]]
    if not words or len(words) > 3:  # noqa: PLR2004 - a name has few words, a sentence is no name
        return model, []
    if not is_plural(words[-1]) and words[-1] != "list" and words[-1] not in USUAL_FIELDS:
        return _add_property(model, words, owner or model.entities[0])
    return _add_thing(model, words, owner)


def _add_features(model: DataModel, wanted: list[str], owner: Entity | None) -> tuple[DataModel, list[str]]:
    done = []
    for feature in wanted:
        model = changes.add_feature(model, feature, owner)
        done.append(f"noted {feature} as out of scope" if feature in UNSUPPORTED else f"added {_named(feature)}")
    return model, done


def _add_property(model: DataModel, words: list[str], owner: Entity) -> tuple[DataModel, list[str]]:
    field = property_of(words)
    after = changes.add_field(model, owner.name, field)
    return after, [f"added {field.label.lower()} to {say(owner, model.language)}"] if after != model else []


def _add_thing(model: DataModel, words: list[str], owner: Entity | None) -> tuple[DataModel, list[str]]:
    if words[-1] in ATTRIBUTES and (owner or words[-1] not in USUAL_FIELDS):
        return _add_property(model, words, owner or model.entities[0])
    known = find(model, words[-2:])
    if known and known.name == "_".join(one_of(words, model.language)):
        return model, []
    entity = entity_of(one_of(words, model.language), words[-2:], model.entities, english=model.language == "en")
    after = join(model, entity, owner)
    return after, [f"added {say(entity, model.language)}"] if after != model else []


def _add_mentioned(model: DataModel, text: str) -> tuple[DataModel, list[str]]:
    """Add the things that a longer wish mentions, such as "let people lend books to friends"."""
    done: list[str] = []
    for mention in mentions_of(text, model.language):
        if mention.part == "thing" and mention.strong:
            model, what = _add_thing(model, list(mention.words), find(model, mention.of))
            done += what
    return model, done
