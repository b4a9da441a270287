"""From the words of an idea to a data model.

The order of things: what is explicitly not wanted is set aside; the text is read for mentions; things become entities,
properties fields, and wishes features; at last, records of use (bookings, loans) get their references. There is always
at least one entity.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from baton_agent_runner.embedded import changes
from baton_agent_runner.embedded.data_model import DataModel, Entity
from baton_agent_runner.embedded.foreign import read_foreign
from baton_agent_runner.embedded.inflection import plural, singular
from baton_agent_runner.embedded.lexicon import ENGLISH, FEATURE_WORDS, LISTS
from baton_agent_runner.embedded.mentions import Mention
from baton_agent_runner.embedded.naming import sentence_of, title_of
from baton_agent_runner.embedded.nouns import entity_of, label_of, one_of, property_of
from baton_agent_runner.embedded.reading import read
from baton_agent_runner.embedded.things import things_in
from baton_agent_runner.embedded.tokens import LONGEST_TEXT, language, tokens

Words = tuple[str, ...]

_UNWANTED: Final = re.compile(
    r"\b(?:without|excluding|except(?: for)?|no need for|not? (?:want|need)|no|"
    r"ohne|kein\w{0,2}|sin|sans|senza|sem|zonder)"
    r"\s+((?:(?!\b(?:but|aber|pero|mais|ma|mas)\b)[^.,;:!?\n])+)",
    re.IGNORECASE,
)
_PHRASES: Final = re.compile(
    r"\b("
    + "|".join(re.escape(p) for p in sorted(FEATURE_WORDS, key=len, reverse=True) if " " in p or "-" in p)
    + r")\b"
)
_LIST: Final = re.compile(r"\b(" + "|".join(sorted(LISTS)) + r")[ -]?list\b", re.IGNORECASE)
_MOST_ACTORS: Final = 4


def extract(idea: str) -> DataModel:
    """Return the data model that an idea in any language speaks of; the same idea gives the same model."""
    text = idea[:LONGEST_TEXT]
    unwanted = {feature for span in _UNWANTED.findall(text) for feature in features_in(span)}
    wanted = _UNWANTED.sub(lambda found: " . " if list(features_in(found[1])) else found[0], text)
    code = language(text)
    mentions = mentions_of(wanted, code)
    model = _with_entities(mentions, wanted, code)
    model = _with_fields(model, mentions)
    for mention in mentions:
        if mention.part == "feature" and mention.words[0] not in unwanted:
            label = mention.written[0] if mention.written and code != "en" else ""
            model = changes.add_feature(model, mention.words[0], find(model, mention.of), label)
    named = {"title": title_of(idea, model), "idea": sentence_of(idea, model)}
    return relate(model).having(**named, language=code, actors=_actors(mentions))


def mentions_of(text: str, code: str) -> list[Mention]:
    """Return what a text mentions; feature phrases of several words are found before its words are looked at."""
    found = [Mention("feature", (FEATURE_WORDS[phrase],)) for phrase in _PHRASES.findall(text.lower())]
    rest = _PHRASES.sub(" , ", text) if not found else _PHRASES.sub(" , ", text.lower())
    words = tokens(_LIST.sub(lambda found: LISTS[found[1].lower()].replace("-", " "), rest))
    return [*(read(words) if code == "en" else read_foreign(words, code)), *found]


def features_in(text: str) -> Iterable[str]:
    """Yield the features that a text names by a word or phrase of `features.txt`."""
    lower = text.lower()
    for phrase in _PHRASES.findall(lower):
        yield FEATURE_WORDS[phrase]
    for token in tokens(_PHRASES.sub(" , ", lower)):
        if token.lower in FEATURE_WORDS:
            yield FEATURE_WORDS[token.lower]


def find(model: DataModel, words: Sequence[str]) -> Entity | None:
    """Return the entity that a noun phrase names, by its whole name or by its last word."""
    if not words:
        return None
    lowered = [word.lower() for word in words]
    phrase = " ".join(one_of(lowered, model.language))
    for entity in model.entities:
        names = {entity.name.replace("_", " "), entity.plural.replace("_", " ")}
        labels = {entity.label.lower(), entity.plural_label.lower()}
        if phrase in names or " ".join(lowered) in names | labels:
            return entity
    return find(model, lowered[1:]) if len(words) > 1 else None


def _with_entities(mentions: list[Mention], text: str, code: str) -> DataModel:
    things = things_in(mentions, text, code)
    model: DataModel | None = None
    for thing in things:
        if model is None:
            first = entity_of(thing.words, thing.written, (), english=code == "en")
            model = DataModel(title=first.plural_label, idea=first.plural_label, language=code, entities=(first,))
            continue
        known = find(model, thing.words) or _ending_in(model, thing.words)
        owner = find(model, thing.of)
        if known is None or (len(thing.words) > 1 and known.name == thing.words[-1] and owner):
            entity = entity_of(thing.words, thing.written, model.entities, english=code == "en")
            model = join(model, entity, owner)
        elif owner and owner != known:
            model = changes.refer(model, known.name, owner.name, required=not known.references)
    assert model is not None  # noqa: S101 - there is at least one thing
    return model


def _ending_in(model: DataModel, words: Sequence[str]) -> Entity | None:
    """Return the entity that a bare noun means: "cards" in an app for Tarot cards are those."""
    return next((e for e in model.entities if len(words) == 1 and e.name.endswith(f"_{words[0]}")), None)


def join(model: DataModel, entity: Entity, owner: Entity | None) -> DataModel:
    """Add an entity that is described with an owner: as a part of it, or as the whole that the owner belongs to."""
    if owner is None or entity.name.split("_")[-1] not in ENGLISH["wholes"]:
        return changes.add_entity(model, entity, owner)
    added = changes.add_entity(model, entity)
    return changes.refer(added, owner.name, entity.name) if added != model else model


def _with_fields(model: DataModel, mentions: list[Mention]) -> DataModel:
    for mention in mentions:
        owner = find(model, mention.of) if mention.part == "property" else None
        if owner:
            model = changes.add_field(model, owner.name, property_of(mention.words))
    return model


def relate(model: DataModel) -> DataModel:
    """Let records of use refer to what they are about: a loan to a book and to a member."""
    model = _linked(model)
    for entity in model.entities:
        if entity.name.split("_")[-1] not in ENGLISH["transactional"] or entity.name in {"rating", "comment", "review"}:
            continue
        others = [e for e in model.entities if e.name not in ENGLISH["transactional"]]
        people = [e for e in others if e.name in ENGLISH["always_entities"]]
        things = [e for e in others if e not in people]
        paid = entity.name in ENGLISH["money"] and bool(people)
        if not entity.references and things and not paid:
            model = changes.refer(model, entity.name, things[0].name, required=True)
        for person in people[:1]:
            model = changes.refer(model, entity.name, person.name, required=paid or not things)
    for entity in model.entities:
        if entity.name == "review" and not entity.references and model.entities[0] != entity:
            model = changes.refer(model, entity.name, model.entities[0].name, required=True)
    return model


def _linked(model: DataModel) -> DataModel:
    """Put a reference where a text would name another entity: a book's author, and an answer's question."""
    names = {entity.name for entity in model.entities}
    for entity in model.entities:
        for field in entity.fields:
            if field.name not in names - {entity.name} or entity.name in ENGLISH["transactional"] or field.required:
                continue
            model = changes.remove_field(model, entity.name, field.name)
            pair = (entity.name, field.name) if field.name in ENGLISH["wholes"] else (field.name, entity.name)
            model = changes.refer(model, *pair)
    return model


def _actors(mentions: list[Mention]) -> tuple[str, ...]:
    names = (
        label_of(" ".join((*m.words[-2:-1], plural(singular(m.words[-1]))))) for m in mentions if m.part == "actor"
    )
    return tuple(dict.fromkeys(names))[:_MOST_ACTORS]
