"""Texts that people write: what is kept of them, and what is refused, in words that a JSON schema can say as well."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

MAX_TEXT: Final = 20_000
MAX_NAME: Final = 200
_CONTROL: Final = r"\x00-\x1f\x7f-\x9f"
_INVISIBLE: Final = (
    rf"{_CONTROL}\x20\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)
_SPACE: Final = r"[\x09-\x0d\x1c-\x20\x85]*"  # what stands around a name may be more than what stands in it
LEGIBLE: Final = rf"^[^\x00]*[^{_INVISIBLE}][^\x00]*$"
_NAME: Final = rf"^{_SPACE}[^{_CONTROL}]*[^{_INVISIBLE}][^{_CONTROL}]*{_SPACE}$"


def legible(text: str) -> str:
    """Return the text without the space around it. Raises `ValueError` for spaces and invisible characters alone."""
    if not re.search(rf"[^{_INVISIBLE}]", text):
        raise ValueError("it must say something; spaces and invisible characters are not enough")
    return text.strip()


def _one_line(text: str) -> str:
    if re.search(rf"[{_CONTROL}]", text):
        raise ValueError("it must be one line, without control characters")
    return text


Words = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
Idea = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_TEXT,
        json_schema_extra={"pattern": LEGIBLE},
        examples=["A recipe box where people share recipes and rate them"],
    ),
    AfterValidator(legible),
]
Name = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NAME, json_schema_extra={"pattern": _NAME}, examples=["Recipe box"]),
    AfterValidator(legible),
    AfterValidator(_one_line),
]
