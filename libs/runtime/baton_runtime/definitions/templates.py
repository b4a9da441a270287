"""Templates: a BMAD v4 document template, and its rendering as Markdown.

Invariants: `{{name}}` is substituted in one pass, so a value is never rendered again, and a name without a
value stays as it is written. `instruction` never reaches the document. Values are data: no value ends a
code block, opens one, starts a heading or an HTML block, or breaks out of its list item or table cell. HTML
inside a line is left as it is, so whoever turns the document into HTML must sanitise it. Rendering does not
fail.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast, get_args

from baton_contracts.definitions import Section, SectionType, Template

from . import markdown
from .fields import Fields
from .substitution import Variables, items_of, known_in, rows_of, substitute, text_of
from .yaml import InvalidDefinition

_TYPES: Final[tuple[str, ...]] = get_args(SectionType)
_DEEPEST_HEADING: Final = 6


def read_template(data: Mapping[str, Any]) -> Template:
    """Return the template in a parsed file; `InvalidDefinition` names the field that is missing or wrong."""
    root = Fields(data)
    fields = root.child("template")
    output = fields.child("output")
    if (form := output.text("format")) != "markdown":
        raise InvalidDefinition(f"template.output.format is '{form}'; only 'markdown' can be rendered")
    sections = _sections(root)
    if not sections:
        raise InvalidDefinition("sections is missing or empty; a template needs at least one section")
    return Template(
        id=fields.slug("id"),
        name=fields.text("name"),
        version=fields.text("version"),
        description=fields.text("description", "").strip(),
        title=output.text("title"),
        filename=output.text("filename"),
        sections=sections,
    )


def render(template: Template, variables: Variables) -> str:
    """Return the Markdown document: the title as H1, sections from H2 down.

    In a list or a table each element of a list value is an item or a row of its own; elsewhere a list is
    joined with commas (in code: one element a line). Booleans read `yes` and `no`, floats are rounded to
    three places.
    """
    title = markdown.line(substitute(template.title, variables))
    blocks = [f"# {title}"]
    for section in template.sections:
        blocks.extend(_blocks(section, variables, 2))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _sections(fields: Fields) -> tuple[Section, ...]:
    return tuple(_section(child) for child in fields.children("sections"))


def _section(fields: Fields) -> Section:
    kind = fields.text("type", "template-text")
    if kind not in _TYPES:
        raise InvalidDefinition(f"{fields.name('type')} is '{kind}'; it must be one of: {', '.join(_TYPES)}")
    return Section(
        id=fields.text("id"),
        title=fields.text("title", ""),
        type=cast("SectionType", kind),
        instruction=fields.text("instruction", "").strip(),
        template=fields.text("template", fields.text("content", "")).strip("\n"),
        language=fields.text("language", ""),
        columns=fields.names("columns"),
        sections=_sections(fields),
    )


def _blocks(section: Section, variables: Variables, level: int) -> Iterator[str]:
    if section.title:
        marks = "#" * min(level, _DEEPEST_HEADING)
        yield f"{marks} {markdown.line(substitute(section.title, variables))}"
    if section.template:
        yield _body(section, variables)
    for child in section.sections:
        yield from _blocks(child, variables, level + bool(section.title))


def _body(section: Section, variables: Variables) -> str:
    match section.type:
        case "code" | "mermaid":
            language = "mermaid" if section.type == "mermaid" else section.language
            return markdown.fence(substitute(section.template, variables, "\n"), language)
        case "bullet-list" | "numbered-list":
            return markdown.items(items_of(section, variables), numbered=section.type == "numbered-list")
        case "table":
            return markdown.table(section.columns, rows_of(section, variables))
        case _:
            return _prose(section.template, variables)


def _prose(pattern: str, variables: Variables) -> str:
    """Substitute line by line, so that only lines which a value made or changed are neutralised."""
    quoted = {name: markdown.neutral(text_of(value)) for name, value in known_in(pattern, variables).items()}
    lines: list[str] = []
    for line in pattern.split("\n"):
        text = substitute(line, quoted)
        lines.append(text if text == line or markdown.starts_block(line) else markdown.neutral(text))
    return "\n".join(lines)
