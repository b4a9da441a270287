"""Verbs told from nouns: "book rooms" and "rooms to book", but "a book", "books" and "book reviews"."""

from typing import Final

from baton_agent_runner.embedded.inflection import is_plural, singular
from baton_agent_runner.embedded.lexicon import ENGLISH, USUAL_FIELDS

POSSESSIVE: Final = frozenset({"their", "its", "his", "her"})
DETERMINERS: Final = frozenset({"a", "an", "the", "my", "our", "your", "each", "every", "this", "one"}) | POSSESSIVE
_BEFORE_VERB: Final = frozenset(
    "to can could will would should must may might let lets i we you they not please also that which who it".split()  # noqa: SIM905
)
_COMMANDING: Final = frozenset({"track", "log", "schedule", "share", "rate", "manage"})
"""Verbs at the beginning of a sentence, whatever noun follows: "Track wine"."""
_OBJECTS: Final = frozenset({"them", "it", "us", "me", "which", "who", "what", "how", "when", "where"})


def verb_base(word: str) -> str:
    """Return the base of a verb in -s or -ing, or an empty text where it is none that is known."""
    verbs = ENGLISH["verbs"]
    if word in verbs:
        return word
    stems = [word.removesuffix("s"), word.removesuffix("es")] if word.endswith("s") else []
    if word.endswith("ing"):
        stem = word[:-3]
        stems = [stem, stem + "e"] + ([stem[:-1]] if stem[-1:] == stem[-2:-1] else [])
    return next((stem for stem in stems if stem in verbs), "")


def verb_here(word: str, before: str, after: str) -> str:
    """Return the base of the verb that a word is here, or an empty text: "book rooms", but "a book" and "books"."""
    base = verb_base(word)
    if base not in ENGLISH["verb_or_noun"] or word.endswith("ing") or _is_told(base, word, before, after):
        return base
    if word.endswith("s") or before in DETERMINERS or (before.isalnum() and before not in ENGLISH["stop"]):
        return ""
    return base if _has_object(base, before, after) else ""


def _is_told(base: str, word: str, before: str, after: str) -> bool:
    """Say whether somebody does it, or is told to: "people book", "to book", "keep track", "manages my books"."""
    people = ENGLISH["people"] | ENGLISH["always_entities"]
    subject = singular(before) in people or before in ENGLISH["containers"] - ENGLISH["verb_or_noun"]
    if subject or before in _BEFORE_VERB or (base in _COMMANDING and verb_base(before) == "keep"):
        return True
    if word.endswith("s"):
        commanded = base in _COMMANDING and not before.isalnum() and after in DETERMINERS
        return commanded or (is_plural(after) and not verb_base(after))
    return is_plural(before) and (after in DETERMINERS or is_plural(after))  # "beekeepers track hives"


def _has_object(base: str, before: str, after: str) -> bool:
    """Say whether what follows is the object of a verb: "book rooms", but not a "book club" or "book reviews"."""
    compound = base in USUAL_FIELDS and base != "track" and singular(after) in ENGLISH["transactional"]
    if compound or after in ENGLISH["containers"] | ENGLISH["settings"]:
        return False
    commanded = base in _COMMANDING and not before.isalnum() and after.isalnum() and after not in ENGLISH["stop"]
    return commanded or after in DETERMINERS | _OBJECTS or is_plural(after)
