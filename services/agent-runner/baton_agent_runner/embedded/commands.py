"""What people write about a result, taken apart into commands: add, remove, rename.

Nothing is decided here: a clause that is no command comes back as one of the kind "other", with its words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from baton_agent_runner.embedded.identifiers import readable
from baton_agent_runner.embedded.tokens import tokens

_REMOVE: Final = (
    r"remove|drop|delete|leave out|leave away|omit|skip|without|no|exclude|take out|take away|get rid of|not|minus|cut|"
    r"(?:do not|don't|we don't|i don't|we do not|i do not) (?:need|want|like)|no need for|no more|forget(?: about)?|"
    r"ohne|kein\w{0,2}|entferne|sin|quita|elimina|sans|supprime|senza|sem|zonder"
)
_ADD: Final = (
    r"add|include|also|need|needs|want|with|support|supports|track|manage|store|keep|show|have|has|insert|provide|offer|"
    r"there should be|there must be|should have|must have|missing|introduce|where is|where are|"
    r"füge|ergänze|mit|añade|agrega|ajoute|con|avec|aggiungi"
)
_COMMANDS: Final = rf"(?:{_REMOVE}|{_ADD}|rename|call|change)"
_SPLIT: Final = re.compile(
    rf"[.;!?\n]+|,?\s*\b(?:and|but|und|aber|y|et|then)\s+(?=(?:please\s+|also\s+|then\s+|we\s+|i\s+)*{_COMMANDS}\b)"
    rf"|,\s*(?=(?:and\s+)?{_COMMANDS}\b)",
    re.IGNORECASE,
)
_POLITE: Final = re.compile(
    r"^(?:please|pls|kindly|bitte|por favor|just|also|then|but|and|so|it|we|i|you|the app|should|could|can|would|must|"
    r"like to|to|it would be (?:nice|good) to|let's|let us)\b[\s,]*",
    re.IGNORECASE,
)
_RENAME: Final = (
    re.compile(
        r"^(?:rename|call|change|turn)\s+(?:the\s+)?(.+?)\s+(?:to|as|into)\s+(?:an?\s+|the\s+)?(.+)$", re.IGNORECASE
    ),
    re.compile(r"^(?:the\s+)?(.+?)\s+should\s+be\s+(?:called|named|renamed to)\s+(.+)$", re.IGNORECASE),
    re.compile(r"^call\s+(?:the\s+)?(\S+)\s+(\S+)$", re.IGNORECASE),
)
_REMOVED: Final = (
    re.compile(rf"^(?:{_REMOVE})\s+(.+)$", re.IGNORECASE),
    re.compile(
        r"^(.+?)\s+(?:is|are|should be|must be|can be)\s+"
        r"(?:not needed|unnecessary|removed|dropped|left out|superfluous)$",
        re.IGNORECASE,
    ),
    re.compile(r"^(.+?)\s+(?:weglassen|entfernen|raus)$", re.IGNORECASE),
)
_ADDED: Final = (
    re.compile(rf"^(?:{_ADD})\s+(?:also\s+|track\s+|manage\s+|support\s+(?:for\s+)?|for\s+)*(.+)$", re.IGNORECASE),
    re.compile(r"^(.+?)\s+(?:is|are)\s+missing$", re.IGNORECASE),
    re.compile(r"^(.+?)\s+(?:hinzufügen|ergänzen)$", re.IGNORECASE),
)
_TARGET: Final = re.compile(
    r"^(.*?)\s+(?:to|for|from|of|on|in|per)\s+(?:the\s+|each\s+|every\s+|all\s+|an?\s+)?(.+)$", re.IGNORECASE
)
_PRAISE: Final = re.compile(
    r"^(?:(?:this|it|that)\s+)?(?:is\s+|looks?\s+)?(?:very\s+|really\s+)?"
    r"(?:good|great|nice|ok|okay|fine|perfect|lgtm|well done|thanks|thank you)"
    r"(?:\s+(?:work|job|so far|overall|start))?$",
    re.IGNORECASE,
)
_PERMISSION: Final = re.compile(r"\b(?:can|able to|let|lets|allow|allows|help|helps)\b", re.IGNORECASE)
_ARTICLES: Final = frozenset(
    {"a", "an", "the", "some", "any", "all", "more", "another", "new", "my", "our", "their", "its"}
)
_GENERIC: Final = frozenset({
    "field", "fields", "column", "columns", "entity", "entities", "table", "tables", "section", "feature", "features",
    "function", "option", "button", "support", "functionality", "please", "again", "property", "attribute", "page",
    "completely", "entirely", "too", "altogether",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """One wish of a person: `clause` as it was written, `target` what it is about, `name` the new name."""

    kind: Literal["add", "remove", "rename", "permit", "other"]
    clause: str
    target: str
    name: str = ""


def commands(text: str) -> Iterator[Command]:
    """Yield the commands of a text, in its order; praise is passed over."""
    for piece in _SPLIT.split(text[:5000]):
        clause = readable(piece, 500).strip(" ,:-")
        if any(character.isalnum() for character in clause) and not _PRAISE.match(clause):
            yield _command(clause)


def _command(clause: str) -> Command:
    said = _polite_off(clause)
    if found := _first(_RENAME, said):
        return Command("rename", clause, found[1], found[2])
    if found := _first(_REMOVED, said):
        return Command("remove", clause, found[1])
    if found := _first(_ADDED, said) or _first(_ADDED, clause):
        return Command("add", clause, found[1])
    return Command("permit" if _PERMISSION.search(clause) else "other", clause, said)


def _polite_off(clause: str) -> str:
    while (shorter := _POLITE.sub("", clause, count=1)) != clause and shorter:
        clause = shorter
    return clause


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> re.Match[str] | None:
    return next((found for pattern in patterns if (found := pattern.match(text))), None)


def owner_in(target: str) -> tuple[str, str]:
    """Split "a price to each recipe" into what is meant and what it is for, which may be empty."""
    found = _TARGET.match(target)
    return (found[1], found[2]) if found else (target, "")


def parts_of(target: str) -> list[str]:
    """Split a list such as "ratings, comments and tags" into its parts."""
    return re.split(r"\s*,\s*(?:and\s+)?|\s+(?:and|or|und|y|et|&)\s+", target)


def noun_words(text: str) -> list[str]:
    """Return the words of a noun phrase in lower case, without articles and words such as "field"."""
    found = [token.lower for token in tokens(text) if not token.is_mark]
    while found and found[0] in _ARTICLES:
        found = found[1:]
    return [word for word in found if word not in _GENERIC] or found
