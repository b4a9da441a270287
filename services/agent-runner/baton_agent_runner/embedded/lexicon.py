"""What the embedded model knows about words, read once from the text files in `words/`.

The files hold sections headed by `[name]`; lines that start with `#` are comments.
"""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final


def _sections(file: str) -> dict[str, list[str]]:
    """Return the lines of each section of a words file."""
    sections: dict[str, list[str]] = {}
    text = (files(__package__) / "words" / file).read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    current = sections.setdefault("", [])
    for line in lines:
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            current.append(line)
    return sections


def _sets(file: str) -> dict[str, frozenset[str]]:
    return {name: frozenset(" ".join(lines).split()) for name, lines in _sections(file).items() if name}


ENGLISH: Final[Mapping[str, frozenset[str]]] = MappingProxyType(_sets("english.txt"))
LANGUAGES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(_sets("languages.txt"))
FOREIGN: Final[Mapping[str, frozenset[str]]] = MappingProxyType(_sets("foreign.txt"))


def _pairs(section: str) -> Mapping[str, str]:
    split = (pair.partition("=") for pair in ENGLISH[section])
    return MappingProxyType({word: meaning for word, _, meaning in split})


UNCOUNTABLE: Final = _pairs("uncountable")
"""Words for a mass, by what one piece of it is called."""
IMPLIED: Final = _pairs("implied")
"""What a kind of program keeps where an idea says no more."""
LISTS: Final = _pairs("lists")
"""What stands on a list of that kind, in the plural."""


def _feature_words() -> dict[str, str]:
    """Return, by word or phrase, the feature that it asks for."""
    return {
        phrase.strip(): section.removesuffix(" (not)")
        for section, lines in _sections("features.txt").items()
        for line in lines
        for phrase in line.split(",")
    }


FEATURE_WORDS: Final[Mapping[str, str]] = MappingProxyType(_feature_words())
UNSUPPORTED: Final = tuple(s.removesuffix(" (not)") for s in _sections("features.txt") if s.endswith(" (not)"))
SUPPORTED: Final = tuple(s for s in _sections("features.txt") if s and not s.endswith(" (not)"))


def _by_noun(section: str) -> dict[str, str]:
    """Return what stands after the colon, by each of the words before it."""
    found: dict[str, str] = {}
    for line in _sections("fields.txt")[section]:
        nouns, _, rest = line.partition(": ")
        for noun in nouns.split():
            found.setdefault(noun, rest)
    return found


USUAL_FIELDS: Final[Mapping[str, str]] = MappingProxyType(_by_noun(""))
"""The fields that are usually kept about a thing, as written in `fields.txt`, by the thing's noun."""

ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(_by_noun("attributes"))
"""The kind of field that a property's noun names."""
