"""A rendered document as data: the tree of its sections, for whoever wants its parts and no text to parse.

Invariant: values stand in it as they are; there is nothing to escape in a tree.
"""

from typing import Any

from baton_contracts.definitions import Section, Template

from . import markdown
from .substitution import Variables, items_of, rows_of, substitute


def outline(template: Template, variables: Variables) -> dict[str, Any]:
    """Return the document: `title` and `sections`, each with `id`, `title`, `type`, `content` and `sections`.

    `content` is a text, the items of a list, or the rows of a table, which names its `columns`. `instruction` is
    left out. Nothing fails.
    """
    return {
        "id": template.id,
        "title": markdown.line(substitute(template.title, variables)),
        "sections": [_section(section, variables) for section in template.sections],
    }


def _section(section: Section, variables: Variables) -> dict[str, Any]:
    return {
        "id": section.id,
        "title": markdown.line(substitute(section.title, variables)),
        "type": section.type,
        **_content(section, variables),
        "sections": [_section(child, variables) for child in section.sections],
    }


def _content(section: Section, variables: Variables) -> dict[str, Any]:
    match section.type:
        case "bullet-list" | "numbered-list":
            return {"content": items_of(section, variables)}
        case "table":
            return {"columns": list(section.columns), "content": rows_of(section, variables)}
        case "code" | "mermaid":
            return {"language": _language(section), "content": substitute(section.template, variables, "\n")}
        case _:
            return {"content": substitute(section.template, variables)}


def _language(section: Section) -> str:
    return "mermaid" if section.type == "mermaid" else section.language
