"""Fields of a parsed mapping, each read with the place where it stands.

Invariant: every refusal is an `InvalidDefinition` whose message starts with the field's full name, such as
`workflow.sequence[2].agent`, so that whoever wrote the file knows where to look.
"""

import re
from collections.abc import Iterator
from typing import Any

from baton_contracts.definitions import SLUG_PATTERN

from .yaml import InvalidDefinition


class Fields:
    """A mapping together with its place in the file (empty for the root)."""

    def __init__(self, value: object, place: str = "") -> None:
        """Take `value`, which must be a mapping; `InvalidDefinition` where it is not."""
        if not isinstance(value, dict):
            raise InvalidDefinition(f"{place} must be a mapping (key: value), not {_kind(value)}")
        self.mapping: dict[str, Any] = value
        self.place = place

    def name(self, key: str) -> str:
        """Return the full name of the field `key`."""
        return f"{self.place}.{key}" if self.place else key

    def text(self, key: str, default: str | None = None) -> str:
        """Return the text of `key`, or `default` where it is absent; without a default that is refused."""
        value = self.mapping.get(key)
        if value is None or value == "":
            if default is None:
                raise InvalidDefinition(f"{self.name(key)} is missing")
            return default
        return _text(value, self.name(key))

    def slug(self, key: str) -> str:
        """Return the text of `key`, which must be an id: lower-case letters, digits and hyphens."""
        text = self.text(key)
        if not re.search(SLUG_PATTERN, text) or text.endswith("\n"):
            raise InvalidDefinition(
                f"{self.name(key)} is '{text}'; one id of lower-case letters, digits and hyphens is needed"
            )
        return text

    def names(self, key: str) -> tuple[str, ...]:
        """Return the names in `key`: a list, or text with commas; empty where it is absent."""
        value = self.mapping.get(key)
        parts = value.split(",") if isinstance(value, str) else self.listed(key)
        texts = (_text(part, self.name(f"{key}[{at}]")).strip() for at, part in enumerate(parts))
        return tuple(text for text in texts if text)

    def lines(self, key: str) -> tuple[str, ...]:
        """Return the lines in `key`; `- Rule: words` without quotes, a mapping to YAML, is one line again."""
        return tuple(_line(value, self.name(f"{key}[{at}]")) for at, value in enumerate(self.listed(key)))

    def child(self, key: str) -> "Fields":
        """Return the mapping in `key`; `InvalidDefinition` where it is missing."""
        if self.mapping.get(key) is None:
            raise InvalidDefinition(f"{self.name(key)} is missing")
        return Fields(self.mapping[key], self.name(key))

    def children(self, key: str) -> Iterator["Fields"]:
        """Yield the mappings in the list `key`; none where it is absent."""
        for at, value in enumerate(self.listed(key)):
            yield Fields(value, self.name(f"{key}[{at}]"))

    def listed(self, key: str) -> list[Any]:
        """Return the list in `key`, empty where it is absent."""
        value = self.mapping.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise InvalidDefinition(f"{self.name(key)} must be a list, not {_kind(value)}")
        return value


def _text(value: object, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidDefinition(f"{name} must be text, not {_kind(value)}; put it in quotes")
    return str(value)


def _line(value: object, name: str) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(part, f'{name}.{key}')}" for key, part in value.items())
    return _text(value, name)


def _kind(value: object) -> str:
    kinds = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return kinds.get(type(value), "a number")
