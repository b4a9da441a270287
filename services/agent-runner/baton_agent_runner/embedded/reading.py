"""An English text read for what it speaks of: things, properties, people, and wishes for features.

A deterministic reading without a grammar: runs of words that are neither small words nor verbs are noun phrases, and
the word before a phrase (a verb, "with", "for", "in", ...) says what part it plays. The order of the rules matters.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from baton_agent_runner.embedded.inflection import is_plural, singular
from baton_agent_runner.embedded.lexicon import ATTRIBUTES, ENGLISH, FEATURE_WORDS, LISTS, UNCOUNTABLE, USUAL_FIELDS
from baton_agent_runner.embedded.mentions import Mention
from baton_agent_runner.embedded.tokens import Token
from baton_agent_runner.embedded.verbs import DETERMINERS, POSSESSIVE, verb_base, verb_here

_WITH: Final = frozenset(
    {"with", "has", "have", "having", "including", "includes", "include", "containing", "contains", "plus"}
)
_PLACE: Final = frozenset({"in", "at", "on", "from", "near", "into", "during", "about", "through", "between", "across"})
_DESCRIBING: Final = frozenset({"with", "by", "per", "of"})
_DEEDS: Final = {
    "book": "booking", "reserve": "reservation", "rent": "rental", "lend": "loan", "borrow": "loan", "order": "order",
    "donate": "donation", "vote": "vote", "bid": "bid", "invoice": "invoice", "review": "review",
}  # fmt: skip
_VAGUE_FEATURES: Final = frozenset(
    {"label", "labels", "report", "reports", "bookmark", "bookmarks", "map", "maps", "chat"}
)


@dataclass(slots=True)
class _Place:
    """Where in a sentence the reading is."""

    role: str = "start"
    determiner: str = ""
    verb: str = ""
    head: tuple[str, ...] = ()
    run: list[Token] = field(default_factory=list)


def read(text: list[Token]) -> Iterator[Mention]:
    """Yield what a text mentions, in its order."""
    place = _Place()
    for index, token in enumerate(text):
        before = text[index - 1] if index else Token(".", ".")
        after = text[index + 1] if index + 1 < len(text) else Token(".", ".")
        word = token.lower
        verb = verb_here(word, before.lower, after.lower)
        if not verb and not token.is_mark and word not in ENGLISH["stop"] and word not in _WITH:
            place.run.append(token)
            continue
        yield from _close(place, token)
        if token.ends_sentence:
            place = _Place(head=place.head)
        elif verb:
            yield from _act(place, verb)
        else:
            _move(place, word)
    yield from _close(place, Token(".", "."))


def _move(place: _Place, word: str) -> None:
    """Take note of a small word: it may give the next phrase its part."""
    if word in _WITH:
        place.role = "with"
    elif word in {"for", "of", "by", "per"}:
        place.role = word
    elif word in _PLACE:
        place.role = "place"
    elif word in {"who", "which", "that", "where", ":", "("}:
        place.role = "start"
    elif word in POSSESSIVE and place.head:
        place.role = "with"
    if word in DETERMINERS:
        place.determiner = word


def _act(place: _Place, verb: str) -> Iterator[Mention]:
    """Take note of a verb: what follows is its object, and some verbs imply a record or a feature."""
    place.role, place.verb, place.determiner = "object", verb, ""
    if verb in _DEEDS:
        yield Mention("deed", (_DEEDS[verb],))
    feature = {"rate": "ratings"}.get(verb) or FEATURE_WORDS.get(verb)
    if feature and verb not in _VAGUE_FEATURES:
        yield Mention("feature", (feature,))


def _close(place: _Place, following: Token) -> Iterator[Mention]:
    """End a run of words and yield what it mentions."""
    run, place.run = place.run, []
    determiner, place.determiner = place.determiner, ""
    if not run:
        place.determiner = determiner if following.lower in ENGLISH["stop"] else ""
        return
    words, written = tuple(t.lower for t in run), tuple(t.written for t in run)
    yield from _phrase(place, words, written, determiner, following.lower)


def _phrase(
    place: _Place, words: tuple[str, ...], written: tuple[str, ...], determiner: str, following: str
) -> Iterator[Mention]:
    feature = FEATURE_WORDS.get(" ".join(words)) or FEATURE_WORDS.get(words[-1])
    last = singular(words[-1])
    if last in ENGLISH["containers"] and not _is_thing_all_the_same(words):
        yield from _contained(place, words[:-1], written[:-1])
    elif feature and not (words[-1] in _VAGUE_FEATURES and len(words) > 1) and place.role != "start":
        owner = words[:-1] if len(words) > 1 and " ".join(words) not in FEATURE_WORDS else place.head
        if owner and owner == words[:-1] and _known(owner):
            yield Mention("thing", owner, written[:-1])
        yield Mention("feature", (feature,), of=owner)
    elif len(words) == 1 and last in ENGLISH["units"] and last not in USUAL_FIELDS:
        return
    elif _is_people(last, following) and _acts(place, following):
        yield Mention("actor", words, written)
    elif _is_setting(words, determiner):
        place.head = ()
    elif _is_property(place, words, determiner):
        if place.head:
            yield Mention("property", words, written, of=place.head)
    else:
        yield _thing(place, words, written, determiner)


def _is_thing_all_the_same(words: tuple[str, ...]) -> bool:
    """Say whether a word for programs means a thing here: people lend "tools", and keep several "shopping lists"."""
    if words[-1] == "lists" and len(words) > 1:
        return words[-2] in LISTS
    return len(words) == 1 and is_plural(words[0]) and singular(words[0]) in USUAL_FIELDS


def _contained(place: _Place, words: tuple[str, ...], written: tuple[str, ...]) -> Iterator[Mention]:
    """Read a "recipe app" as an app that is about recipes, and "a rating system" of something as a feature."""
    while words and singular(words[-1]) in ENGLISH["containers"]:
        words, written = words[:-1], written[:-1]
    feature = FEATURE_WORDS.get(" ".join(words))
    if feature and place.role == "with":
        yield Mention("feature", (feature,), of=place.head)
    elif words and singular(words[-1]) not in ENGLISH["settings"] | ENGLISH["units"]:
        place.head = words
        yield Mention("thing", words, written)


def _is_people(noun: str, following: str) -> bool:
    """Say whether a noun names people: a known one, or "dog walkers to schedule ..." by its form and its place."""
    return noun in ENGLISH["people"] or (
        following in {"to", "who", "can"} and noun.endswith(("er", "or", "ist", "ian"))
    )


def _acts(place: _Place, following: str) -> bool:
    """People who do something are actors; people who are managed are records."""
    doing = following in {"can", "could", "who", "to", "should", "may", "must", "will", "want", "need"}
    return (
        doing
        or place.role == "for"
        or place.verb in {"let", "help", "allow", "enable", "invite"}
        or (place.role == "start" and bool(verb_base(following)))
    )


def _is_setting(words: tuple[str, ...], determiner: str) -> bool:
    """Say whether a phrase is where the program is used: "a small bakery", while it may keep "bakeries"."""
    return words[-1] in ENGLISH["settings"] and (len(words) > 1 or determiner in DETERMINERS)


def _is_property(place: _Place, words: tuple[str, ...], determiner: str) -> bool:
    last = singular(words[-1])
    known = last in ATTRIBUTES or words[-1] in ATTRIBUTES
    if place.role == "object" and is_plural(words[-1]) and last in USUAL_FIELDS:
        return False
    describing = place.role in {"with", "by", "per"} and bool(place.head)
    single = describing and not is_plural(words[-1]) and determiner in {"a", "an", "its", "their", "one"}
    if known and last in USUAL_FIELDS and not (place.role in _DESCRIBING and place.head):
        return False
    return known or (single and last not in UNCOUNTABLE) or (place.role in {"by", "per"} and not is_plural(words[-1]))


def _known(words: tuple[str, ...]) -> bool:
    return singular(words[-1]) in USUAL_FIELDS or words[-1] in UNCOUNTABLE


def _thing(place: _Place, words: tuple[str, ...], written: tuple[str, ...], determiner: str) -> Mention:
    many, known = is_plural(words[-1]), _known(words)
    of = place.head if place.role == "with" else ()
    strong = {
        "object": many or known or determiner in {"", "a", "an", "each", "every"},
        "with": many or known or not place.head,
        "of": many or known,
        "for": (many or known or not determiner) and (known or not place.head),
        "start": many or known,
    }.get(place.role, many and known)
    if place.role != "with":
        place.head = words if strong else place.head
    return Mention("thing", words, written, of=of, strong=strong)
