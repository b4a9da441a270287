"""An agent's work as a document for the person who decides on it. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from baton_cli.screen import harmless

_LEFT_OUT: Final = frozenset({"files", "architecture_diagram_url", "generated_by"})
_LANGUAGES: Final = {"database_schema": "sql", "diagram": "mermaid", "output": "text"}


def markdown_of(content: Mapping[str, Any]) -> str:
    """Return the fields that a person reads, as Markdown; files are named and not shown."""
    return harmless("\n".join(_lines(content)))


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    for name, value in sorted(content.items(), key=lambda field: field[0] in _LANGUAGES):  # what is long comes last
        if name in _LEFT_OUT or not isinstance(value, str | list) or not value:
            continue
        yield f"## {name.replace('_', ' ').capitalize()}\n"
        yield from _body(name, value)
        yield ""
    if files := content.get("files"):
        yield "## Files\n"
        yield from (f"- `{file['path']}`" for file in files)


def _body(name: str, value: str | list[Any]) -> Iterator[str]:
    if isinstance(value, list):
        yield from (f"- {_literal(str(item))}" for item in value)
    elif name in _LANGUAGES:
        yield f"```{_LANGUAGES[name]}\n{value.rstrip()}\n```"
    else:
        yield _literal(value)


def _literal(text: str) -> str:
    """Keep what looks like an HTML tag, which Markdown would swallow."""
    return text.replace("<", "\\<")
