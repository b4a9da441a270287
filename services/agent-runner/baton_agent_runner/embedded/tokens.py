"""Text taken apart: words with what stands around them, and the language they are in.

Markup, code, addresses and template braces are dropped before, so that they are not read as words.
"""

# ruff: noqa: RUF001 - letters of other scripts are the subject here

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from baton_agent_runner.embedded.lexicon import ENGLISH, FOREIGN, LANGUAGES

LONGEST_TEXT: Final = 20_000  # characters that are read; what comes after changes nothing
_NOISE: Final = re.compile(
    r"```.*?```|<[^<>]{0,200}>|\{\{.*?\}\}|\{%.*?%\}|\b\w+://\S+|[^\s@]{1,80}@[^\s@.]{1,80}\.\S+", re.DOTALL
)
_PIECE: Final = re.compile(
    r"\d+(?:[.,:]\d+)+(?![^\W_])|[^\W_]+(?:['’\-][^\W_]+)*(?:(?<=s)['’](?=\s+[^\W_]))?|[.!?;:,()\n。、，！？；]|&"
)
_NUMBER: Final = re.compile(r"\d[\d.,:'’\-]*(?:st|nd|rd|th|k|m|x|h|g|kg|km|cm|mm|min|ml)?")
_QUOTED: Final = re.compile(r"[\"“„«][^\"“”„«»\n]{1,60}[\"“”»]")
_TELLING: Final = frozenset({"mit", "und", "für", "ohne", "avec", "met"})
"""Small words that tell a language where no other word does: "Rezepte mit Zutaten"."""
_ENGLISH: Final = ENGLISH["stop"] | ENGLISH["containers"] | ENGLISH["settings"]
_KNOWN: Final = {
    code: known | (FOREIGN.get(f"settings {code}", frozenset()) - _ENGLISH)
    for code, known in LANGUAGES.items()
    if code != "cjk"
}
_POSSESSIVE: Final = re.compile(r"(?:['’]s|(?<=s)['’])$")
_ENDS: Final = frozenset(".!?;\n。！？；")
_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_RUNS: Final = re.compile(
    r"[\u30a0-\u30ff]+|[\u3400-\u9fff\uf900-\ufaff々]+|[^\W\u3040-\u30ff\u3400-\u9fff]+|[。！？；，、,.]"
)
_SPELLINGS: Final = {"to-do": "todo", "to-dos": "todos", "e-mail": "email", "e-mails": "emails", "&": "and"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a punctuation mark: in lower case, and as it was written; `owns` what follows ("buyers' offers")."""

    lower: str
    written: str
    owns: bool = False
    quoted: bool = False

    @property
    def ends_sentence(self) -> bool:
        return self.lower in _ENDS

    @property
    def is_mark(self) -> bool:
        return not any(character.isalnum() for character in self.lower)

    @property
    def is_number(self) -> bool:
        """Whether this is a number or an amount, such as 20, 9.99, 3rd or 5kg."""
        return _NUMBER.fullmatch(self.lower) is not None


def tokens(text: str) -> list[Token]:
    """Return the words and marks of a text; a possessive loses its `'s`."""
    readable = _NOISE.sub(" , ", unicodedata.normalize("NFC", text[:LONGEST_TEXT]))
    if _CJK.search(readable):
        return [_token(piece) for piece in _segments(readable)]
    quoted = {place for found in _QUOTED.finditer(readable) for place in range(*found.span())}
    return [_token(found[0], quoted=found.start() in quoted) for found in _PIECE.finditer(readable)]


def _token(piece: str, *, quoted: bool = False) -> Token:
    written = _POSSESSIVE.sub("", piece)
    lower = written.lower()
    return Token(_SPELLINGS.get(lower, lower), written, owns=written != piece, quoted=quoted)


def _segments(text: str) -> list[str]:
    """Cut Japanese or Chinese into runs of one script, and those at the small words that are known."""
    small = sorted((word for word in LANGUAGES["cjk"] if not word.isascii()), key=len, reverse=True)
    cut = re.compile("|".join(map(re.escape, small)))
    return _RUNS.findall(cut.sub(" ", text))


def language(text: str) -> str:
    """Return the two-letter code of the language that a text is most likely in: by its small words."""
    if re.search(r"[\u3040-\u30ff]", text):
        return "ja"
    if _CJK.search(text):
        return "zh"
    words = [token.lower for token in tokens(text)]
    counts = {code: sum(word in _KNOWN[code] for word in words) for code in _KNOWN}
    best = max(counts, key=lambda code: counts[code])
    english = sum(word in _ENGLISH for word in words)
    telling = not english and not _TELLING.isdisjoint(words)
    enough = 1 if telling or not any(word.isascii() for word in words if word.isalpha()) else 2
    return best if counts[best] >= enough and counts[best] > english else "en"
