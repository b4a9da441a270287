"""Names that are safe everywhere: as a table, a column, a path, a Python class and a file name.

An identifier is lower-case ASCII, starts with a letter, and holds letters, digits and underscores. Generated code
uses table and column names as quoted SQL names and as strings only, so that a keyword ("order", "class") is no harm.
"""

# ruff: noqa: RUF001 - letters of other scripts are the subject here

import re
import unicodedata
from collections.abc import Collection
from typing import Final

LONGEST: Final = 40
_LETTERS: Final = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th",
    "ı": "i", "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i",
    "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u",
    "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu",
    "я": "ya",
})  # fmt: skip
RESERVED_ENTITIES: Final = frozenset({"api", "healthz", "statistics", "overdue", "style", "data"})
"""Paths of the generated service that are no entity."""
RESERVED_FIELDS: Final = frozenset({"id", "q", "tag", "limit", "offset"})
"""The key of every record, and what a query means by something else."""


def identifier(text: str) -> str:
    """Return the identifier for a text in any script, or an empty text where none of it can be written in ASCII."""
    latin = unicodedata.normalize("NFC", text.lower()).translate(_LETTERS)
    plain = "".join(c for c in unicodedata.normalize("NFKD", latin) if not unicodedata.combining(c))
    if any(character.isalpha() and not character.isascii() for character in plain):
        return ""  # half a name misleads more than a number does
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:LONGEST].strip("_")
    if name.startswith(("sqlite_", *"0123456789")):
        name = f"x_{name}"[:LONGEST].strip("_")
    return name


def distinct(name: str, taken: Collection[str], fallback: str) -> str:
    """Return `name`, or with a number added where it is taken, or `fallback` with a number where it is empty."""
    used = {other.replace("_", "") for other in taken}
    candidate, number = name or f"{fallback}_1", 1
    while candidate.replace("_", "") in used:
        number += 1
        candidate = f"{(name or fallback)[: LONGEST - 5].strip('_')}_{number}"
    return candidate


def readable(text: str, longest: int) -> str:
    """Return a text for people on one line: no control or invisible characters, cut at a word where too long."""
    seen = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in unicodedata.normalize("NFC", text))
    line = " ".join(seen.split())
    if len(line) <= longest:
        return line
    return (line[: longest - 1].rsplit(" ", 1)[0] or line[: longest - 1]).rstrip(",;:-") + "…"
