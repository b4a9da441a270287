"""What a text speaks of: the common result of reading English and other languages."""

from dataclasses import dataclass
from typing import Literal

Part = Literal["thing", "property", "actor", "feature", "deed", "setting"]
"""A deed is a record that a verb implies: whoever books a room makes a booking. A setting is where people use it."""


@dataclass(frozen=True, slots=True)
class Mention:
    """One thing that a text speaks of.

    `words` end in the noun, as written in lower case; `of` is the noun phrase that it describes or belongs to; a weak
    mention counts only where there is nothing better.
    """

    part: Part
    words: tuple[str, ...]
    written: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    strong: bool = True
