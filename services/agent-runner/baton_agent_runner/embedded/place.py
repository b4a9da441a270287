"""Where in a sentence the reading of an English text is, and the noun phrases that it comes across.

The small word or the mark before a phrase says what part the phrase plays; a possessive lends its owner to the next
phrase only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from baton_agent_runner.embedded.inflection import singular
from baton_agent_runner.embedded.lexicon import ENGLISH
from baton_agent_runner.embedded.tokens import Token
from baton_agent_runner.embedded.verbs import DETERMINERS, POSSESSIVE

_WITH: Final = frozenset(
    {"with", "has", "have", "having", "including", "includes", "include", "containing", "contains", "plus"}
)
_PLACE: Final = frozenset({"in", "at", "on", "from", "near", "into", "during", "about", "through", "between", "across"})
_RELATIVE: Final = frozenset({"who", "which", "that", "where"})
_LISTING: Final = frozenset({":", "("})


@dataclass(frozen=True, slots=True)
class Phrase:
    """A run of words that ends in a noun, with the determiner before and the word after it."""

    words: tuple[str, ...]
    written: tuple[str, ...]
    determiner: str = ""
    following: str = "."
    quoted: bool = False

    @property
    def noun(self) -> str:
        """The noun in the singular."""
        return singular(self.words[-1])


def phrase_of(run: Sequence[Token], determiner: str = "", following: str = ".") -> Phrase:
    """Return the noun phrase that a run of at least one word makes."""
    words, written = tuple(token.lower for token in run), tuple(token.written for token in run)
    return Phrase(words, written, determiner, following, quoted=any(token.quoted for token in run))


@dataclass(slots=True)
class Place:
    """What was read before; `listed` after a colon, `aimed` where something is for something."""

    role: str = "start"
    determiner: str = ""
    verb: str = ""
    head: tuple[str, ...] = ()
    run: list[Token] = field(default_factory=list)
    listed: bool = False
    aimed: bool = False
    borrowed: tuple[str, tuple[str, ...]] | None = None

    def move(self, word: str) -> None:
        """Take note of a small word: it may give the next phrase its part."""
        if word in _WITH:
            self.role = "with"
        elif word in {"for", "of", "by", "per"}:
            self.role, self.aimed = word, bool(self.head) and self.head[-1] not in ENGLISH["transactional"]
        elif word in _PLACE:
            self.role = "place"
        elif word in _RELATIVE | _LISTING:
            self.role, self.listed = "start", word in _LISTING
        elif word in POSSESSIVE and self.head:
            self.role = "with"
        elif word in {"let", "lets"}:
            self.role, self.verb = "object", "let"
        if word in DETERMINERS:
            self.determiner = word

    def lend(self, owner: tuple[str, ...]) -> None:
        """Let the next phrase belong to an owner."""
        self.borrowed = self.borrowed or (self.role, self.head)
        self.role, self.head = "with", owner

    def give_back(self) -> None:
        """Go on as before the owner, once what it owns was read."""
        if self.borrowed:
            self.role, self.head = self.borrowed[0], self.borrowed[1] or self.head
            self.borrowed = None


def is_small(token: Token) -> bool:
    """Say whether a word or mark stands between noun phrases: numbers do, too."""
    return token.is_mark or token.is_number or token.lower in ENGLISH["stop"] or token.lower in _WITH
