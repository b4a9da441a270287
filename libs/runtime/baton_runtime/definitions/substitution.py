"""Substitution: what stands for each `{{name}}` of a template, in text, in a list and in a table.

Invariants: one pass, so a value is never looked into for further names; a name without a value stays as it is
written. Nothing here fails, and nothing escapes: what a format needs is its renderer's to do.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final, TypeGuard

from baton_contracts.definitions import Section

Value = str | bool | int | float | Sequence[str]
Variables = Mapping[str, Value]

LISTS: Final = frozenset({"bullet-list", "numbered-list", "table"})
"""The types of sections in which each element of a list value is an item or a row of its own."""

_VARIABLE: Final = re.compile(r"\{\{([^{}\n]*)\}\}")
_MARKER: Final = re.compile(r"^(?:[-*]|\d+\.)\s+")


def names_in(pattern: str) -> list[str]:
    """Return the names in a pattern in order, each as often as it stands there."""
    return [name for match in _VARIABLE.findall(pattern) if (name := match.strip())]


def substitute(pattern: str, variables: Variables, separator: str = ", ") -> str:
    """Return `pattern` with each known `{{name}}` replaced; values are not looked into for further names."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        return text_of(variables[name], separator) if name in variables else match.group()

    return _VARIABLE.sub(value, pattern)


def text_of(value: Value, separator: str = ", ") -> str:
    """Return a value as text: booleans read `yes` and `no`, floats are rounded to three places."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return str(round(value, 3))
        case str() | int():
            return str(value).replace("\r\n", "\n").replace("\r", "\n")
        case _:
            return separator.join(text_of(element) for element in value)


def items_of(section: Section, variables: Variables) -> list[str]:
    """Return the items of a list, their marks left out."""
    patterns = (_MARKER.sub("", line) for line in lines_of(section))
    return [substitute(pattern, row) for pattern in patterns for row in _each(pattern, variables)]


def rows_of(section: Section, variables: Variables) -> list[list[str]]:
    """Return the rows of a table, each as its cells."""
    patterns = (line.strip().strip("|") for line in lines_of(section))
    return [
        [substitute(cell.strip(), row) for cell in pattern.split("|")]
        for pattern in patterns
        for row in _each(pattern, variables)
    ]


def lines_of(section: Section) -> list[str]:
    """Return the lines of a section's template that say something."""
    return [line for line in section.template.split("\n") if line.strip()]


def is_list(value: Value) -> TypeGuard[Sequence[str]]:
    """Tell whether a value is a list of texts."""
    return not isinstance(value, str | bool | int | float)


def known_in(pattern: str, variables: Variables) -> dict[str, Value]:
    """Return the variables that a pattern names, in the order of their first use."""
    return {name: variables[name] for name in names_in(pattern) if name in variables}


def _each(pattern: str, variables: Variables) -> Iterator[Variables]:
    """Yield the pattern's variables once for each element of its lists, side by side; once without lists."""
    known = known_in(pattern, variables)
    lists: dict[str, Sequence[str]] = {name: value for name, value in known.items() if is_list(value)}
    if not lists:
        yield known
        return
    for elements in zip_longest(*lists.values(), fillvalue=""):
        yield {**known, **dict(zip(lists, elements, strict=True))}
