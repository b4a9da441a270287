"""An English text read for what it speaks of: things, properties, people, and wishes for features.

A deterministic reading without a grammar: runs of words that are neither small words nor verbs are noun phrases, and
the word before a phrase (a verb, "with", "for", "in", ...) says what part it plays. The order of the rules matters.
"""

from collections.abc import Iterator
from typing import Final

from baton_agent_runner.embedded.inflection import is_plural, singular
from baton_agent_runner.embedded.lexicon import (
    ATTRIBUTES,
    ENGLISH,
    FEATURE_WORDS,
    IMPLIED,
    LISTS,
    UNCOUNTABLE,
    USUAL_FIELDS,
)
from baton_agent_runner.embedded.mentions import Mention
from baton_agent_runner.embedded.people import are_actors, is_people
from baton_agent_runner.embedded.place import Phrase, Place, is_small, phrase_of
from baton_agent_runner.embedded.tokens import Token
from baton_agent_runner.embedded.verbs import DETERMINERS, verb_here

_DESCRIBING: Final = frozenset({"with", "by", "per", "of"})
_DEEDS: Final = {
    "book": "booking", "reserve": "reservation", "rent": "rental", "lend": "loan", "borrow": "loan", "order": "order",
    "donate": "donation", "vote": "vote", "bid": "bid", "invoice": "invoice", "review": "review",
}  # fmt: skip
_VAGUE_FEATURES: Final = frozenset(
    {"label", "labels", "report", "reports", "bookmark", "bookmarks", "map", "maps", "chat"}
)


def read(text: list[Token]) -> Iterator[Mention]:
    """Yield what a text mentions, in its order."""
    place = Place()
    for index, token in enumerate(text):
        before = text[index - 1] if index else Token(".", ".")
        after = text[index + 1] if index + 1 < len(text) else Token(".", ".")
        verb = "" if token.owns or before.owns else verb_here(token.lower, before.lower, after.lower)
        if not verb and not is_small(token):
            place.run.append(token)
            if token.owns:
                yield from _own(place)
            continue
        yield from _close(place, token)
        if token.ends_sentence:
            place = Place(head=place.head)
        elif verb:
            yield from _act(place, verb)
        else:
            place.move(token.lower)
    yield from _close(place, Token(".", "."))


def _own(place: Place) -> Iterator[Mention]:
    """Read the owner in "buyers' offers" as a thing; a name ("Bob's bakery") or a team or company is none."""
    owner, place.run = phrase_of(place.run), []
    nobody = ENGLISH["generic"] | ENGLISH["settings"] | ENGLISH["units"] | ENGLISH["vague"]
    if owner.noun not in nobody and (is_plural(owner.words[-1]) or _known(owner.words)):
        place.lend(owner.words)
        yield Mention("thing", owner.words, owner.written)


def _act(place: Place, verb: str) -> Iterator[Mention]:
    """Take note of a verb: what follows is its object, and some verbs imply a record or a feature."""
    place.role, place.verb, place.determiner = "object", verb, ""
    if verb in _DEEDS:
        yield Mention("deed", (_DEEDS[verb],))
    feature = {"rate": "ratings"}.get(verb) or FEATURE_WORDS.get(verb)
    if feature and verb not in _VAGUE_FEATURES:
        yield Mention("feature", (feature,))


def _close(place: Place, following: Token) -> Iterator[Mention]:
    """End a run of words and yield what it mentions."""
    run, place.run = place.run, []
    determiner, place.determiner = place.determiner, ""
    if not run:
        place.determiner = determiner if following.lower in ENGLISH["stop"] else ""
        return
    yield from _read(place, phrase_of(run, determiner, following.lower))
    place.give_back()


def _read(place: Place, phrase: Phrase) -> Iterator[Mention]:
    """Yield what a noun phrase mentions at its place."""
    words, noun = phrase.words, phrase.noun
    if noun in ENGLISH["containers"] and not _is_thing_all_the_same(place, words):
        yield from _contained(place, phrase)
    elif (feature := _feature(words)) and (place.role != "start" or place.listed):
        owner = words[:-1] if len(words) > 1 and " ".join(words) not in FEATURE_WORDS else place.head
        if owner and owner == words[:-1] and _known(owner):
            yield Mention("thing", owner, phrase.written[:-1])
        yield Mention("feature", (feature,), of=owner)
    elif _is_unit(place, phrase):
        return
    elif is_people(noun, phrase.following) and are_actors(place, phrase):
        yield Mention("actor", words, phrase.written)
    elif _is_setting(place, phrase):
        place.head = ()
        yield Mention("setting", words, phrase.written)
    elif _is_property(place, phrase):
        if place.head:
            yield Mention("property", words, phrase.written, of=place.head)
    else:
        yield _thing(place, phrase)


def _feature(words: tuple[str, ...]) -> str:
    """Return the feature that a phrase asks for, or an empty text; "travel reports" are no report."""
    found = FEATURE_WORDS.get(" ".join(words)) or FEATURE_WORDS.get(words[-1], "")
    return "" if words[-1] in _VAGUE_FEATURES and len(words) > 1 else found


def _is_thing_all_the_same(place: Place, words: tuple[str, ...]) -> bool:
    """Say whether a word for programs means a thing here: people lend "tools", and keep several "shopping lists"."""
    noun = singular(words[-1])
    if words[-1] == "lists" and len(words) > 1:
        return words[-2] in LISTS
    if not is_plural(words[-1]) or noun in ENGLISH["vague"]:
        return False
    named = len(words) == 1 and noun in USUAL_FIELDS
    return named or noun in ENGLISH["people"] or place.role != "start" or place.listed


def _contained(place: Place, phrase: Phrase) -> Iterator[Mention]:
    """Read a "recipe app" as an app that is about recipes, and "a rating system" of something as a feature.

    What says only how the app is named or used ("a 'garage sale' site", "a babysitting app") is weak.
    """
    words, written = phrase.words[:-1], phrase.written[:-1]
    while words and singular(words[-1]) in ENGLISH["containers"] and not (len(words) == 1 and _is_kept(words[0])):
        words, written = words[:-1], written[:-1]
    feature = FEATURE_WORDS.get(" ".join(words))
    if feature and place.role == "with":
        yield Mention("feature", (feature,), of=place.head)
    elif words and singular(words[-1]) not in ENGLISH["settings"] | ENGLISH["units"]:
        place.head = words
        yield Mention("thing", words, written, strong=not phrase.quoted and not _is_manner(words))


def _is_manner(words: tuple[str, ...]) -> bool:
    """Say whether words tell how or by whom a program is used: "a babysitting app", "a landlord app"."""
    by_whom = words[-1] in ENGLISH["people"] - ENGLISH["always_entities"]
    return by_whom or (words[-1].endswith(("ing", "-like")) and not _known(words))


def _is_kept(word: str) -> bool:
    """Say whether a word for programs is also one for a thing, such as "box"; a "store" implies its products."""
    return word in USUAL_FIELDS and word not in IMPLIED and word not in ENGLISH["vague"]


def _is_setting(place: Place, phrase: Phrase) -> bool:
    """Say whether a phrase is where the program is used: "a small bakery", while it may keep "bakeries"."""
    alone = len(phrase.words) == 1 and phrase.determiner not in DETERMINERS and place.role == "object"
    return phrase.words[-1] in ENGLISH["settings"] and not alone


def _is_unit(place: Place, phrase: Phrase) -> bool:
    """Say whether a phrase only measures or belongs to any program; "guests, tables and menus" are things."""
    thing = is_plural(phrase.words[-1]) and (place.role in {"with", "object"} or place.listed)
    kept = phrase.noun in USUAL_FIELDS or (thing and phrase.noun in ENGLISH["furniture"] and phrase.following != ":")
    return len(phrase.words) == 1 and phrase.noun in ENGLISH["units"] and not kept


def _is_property(place: Place, phrase: Phrase) -> bool:
    noun, last = phrase.noun, phrase.words[-1]
    known = noun in ATTRIBUTES or last in ATTRIBUTES
    if place.role == "object" and is_plural(last) and noun in USUAL_FIELDS:
        return False
    describing = place.role in {"with", "by", "per"} and bool(place.head)
    single = describing and not is_plural(last) and phrase.determiner in {"a", "an", "its", "their", "one"}
    if known and noun in USUAL_FIELDS and not (place.role in _DESCRIBING and place.head):
        return False
    return known or (single and noun not in UNCOUNTABLE) or (place.role in {"by", "per"} and not is_plural(last))


def _known(words: tuple[str, ...]) -> bool:
    return singular(words[-1]) in USUAL_FIELDS or words[-1] in UNCOUNTABLE


def _thing(place: Place, phrase: Phrase) -> Mention:
    many, known = is_plural(phrase.words[-1]), _known(phrase.words)
    of = place.head if place.role == "with" else ()
    strong = {
        "object": many or known or phrase.determiner in {"", "a", "an", "each", "every"},
        "with": many or known or not place.head,
        "of": many or known,
        "for": (many or known or not phrase.determiner) and (known or not place.aimed),
        "start": many or known,
    }.get(place.role, many and known)
    if place.role != "with":
        place.head = phrase.words if strong else place.head
    return Mention("thing", phrase.words, phrase.written, of=of, strong=strong)
