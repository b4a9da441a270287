"""Text taken apart: words with what stands around them, and the language they are in.

Markup, code, addresses and template braces are dropped before, so that they are not read as words.
"""

# ruff: noqa: RUF001 - letters of other scripts are the subject here

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from baton_agent_runner.embedded.lexicon import ENGLISH, LANGUAGES

LONGEST_TEXT: Final = 20_000  # characters that are read; what comes after changes nothing
_NOISE: Final = re.compile(r"```.*?```|<[^<>]{0,200}>|\{\{.*?\}\}|\{%.*?%\}|\b\w+://\S+|\S+@\S+\.\S+", re.DOTALL)
_PIECE: Final = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*|[.!?;:,()\n。、，！？；]|&")
_ENDS: Final = frozenset(".!?;\n。！？；")
_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_RUNS: Final = re.compile(
    r"[\u30a0-\u30ff]+|[\u3400-\u9fff\uf900-\ufaff々]+|[^\W\u3040-\u30ff\u3400-\u9fff]+|[。！？；，、,.]"
)
_SPELLINGS: Final = {"to-do": "todo", "to-dos": "todos", "e-mail": "email", "e-mails": "emails", "&": "and"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a punctuation mark: in lower case, and as it was written."""

    lower: str
    written: str

    @property
    def ends_sentence(self) -> bool:
        return self.lower in _ENDS

    @property
    def is_mark(self) -> bool:
        return not any(character.isalnum() for character in self.lower)


def tokens(text: str) -> list[Token]:
    """Return the words and marks of a text; a possessive loses its `'s`."""
    readable = _NOISE.sub(" , ", unicodedata.normalize("NFC", text[:LONGEST_TEXT]))
    pieces = _segments(readable) if _CJK.search(readable) else _PIECE.findall(readable)
    return [_token(piece) for piece in pieces]


def _token(piece: str) -> Token:
    written = re.sub(r"['’]s?$", "", piece)
    lower = written.lower()
    return Token(_SPELLINGS.get(lower, lower), written)


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
    counts = {code: sum(word in known for word in words) for code, known in LANGUAGES.items() if code != "cjk"}
    best = max(counts, key=lambda code: counts[code])
    english = sum(word in ENGLISH["stop"] or word in ENGLISH["containers"] for word in words)
    enough = 1 if not any(word.isascii() for word in words if word.isalpha()) else 2
    return best if counts[best] >= enough and counts[best] > english else "en"
