"""Templates: a BMAD v4 document template, and its rendering as Markdown.

Invariants: `{{name}}` is substituted in one pass, so a value is never rendered again, and a name without a
value stays as it is written. `instruction` never reaches the document. Values are data: no value ends a
code block, opens one, starts a heading or an HTML block, or breaks out of its list item or table cell. HTML
inside a line is left as it is, so whoever turns the document into HTML must sanitise it. Rendering does not
fail.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, cast, get_args

from baton_contracts.definitions import Section, SectionType, Template

from . import markdown
from .fields import Fields
from .yaml import InvalidDefinition

Value = str | bool | int | float | Sequence[str]
Variables = Mapping[str, Value]

_VARIABLE: Final = re.compile(r"\{\{([^{}\n]*)\}\}")
_MARKER: Final = re.compile(r"^(?:[-*]|\d+\.)\s+")
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


def substitute(pattern: str, variables: Variables, separator: str = ", ") -> str:
    """Return `pattern` with each known `{{name}}` replaced; values are not looked into for further names."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        return _text(variables[name], separator) if name in variables else match.group()

    return _VARIABLE.sub(value, pattern)


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
            return markdown.items(_items(section, variables), numbered=section.type == "numbered-list")
        case "table":
            return markdown.table(section.columns, _rows(section, variables))
        case _:
            return _prose(section.template, variables)


def _prose(pattern: str, variables: Variables) -> str:
    """Substitute line by line, so that only lines which a value made or changed are neutralised."""
    quoted = {name: markdown.neutral(_text(value)) for name, value in variables.items()}
    lines: list[str] = []
    for line in pattern.split("\n"):
        text = substitute(line, quoted)
        lines.append(text if text == line or markdown.starts_block(line) else markdown.neutral(text))
    return "\n".join(lines)


def _items(section: Section, variables: Variables) -> list[str]:
    patterns = [_MARKER.sub("", line) for line in section.template.split("\n") if line.strip()]
    return [substitute(pattern, row) for pattern in patterns for row in _each(pattern, variables)]


def _rows(section: Section, variables: Variables) -> list[list[str]]:
    patterns = [line.strip().strip("|") for line in section.template.split("\n") if line.strip()]
    return [
        [substitute(cell.strip(), row) for cell in pattern.split("|")]
        for pattern in patterns
        for row in _each(pattern, variables)
    ]


def _each(pattern: str, variables: Variables) -> Iterator[Variables]:
    """Yield the variables once for each element of the pattern's lists, side by side; once without lists."""
    names = {match.strip() for match in _VARIABLE.findall(pattern)} & variables.keys()
    lists = {name: value for name in names if _is_list(value := variables[name])}
    if not lists:
        yield variables
        return
    for elements in zip_longest(*(cast("Sequence[str]", value) for value in lists.values()), fillvalue=""):
        yield {**variables, **dict(zip(lists, elements, strict=True))}


def _is_list(value: Value) -> bool:
    return not isinstance(value, str | bool | int | float)


def _text(value: Value, separator: str = ", ") -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return str(round(value, 3))
        case str() | int():
            return str(value).replace("\r\n", "\n").replace("\r", "\n")
        case _:
            return separator.join(_text(element) for element in value)
