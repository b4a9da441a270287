"""A template's document in the form that was asked for.

Invariant: HTML has the elements of Markdown's blocks, emphasis and code, and nothing else, whatever the values hold:
no markup of theirs passes, no link, no image, so nothing in it runs, leads away or is fetched from elsewhere.
"""

import json
from collections.abc import Callable, Mapping
from typing import Final

from markdown_it import MarkdownIt

from baton_contracts.definitions import Template
from baton_contracts.rest_workflows import OutputFormat, Rendered
from baton_gateway.problems import Invalid, invalid
from baton_runtime.definitions import Variables, dump_yaml, extent, outline, render, variables_of

MAX_RENDERED: Final = 256 << 10
_SLACK: Final = 4  # `extent` counts `{{name}}` too; what is over this many times the limit is not even made
_REFUSED: Final = ("html_block", "html_inline", "link", "image", "autolink", "reference", "entity")
_HTML: Final = MarkdownIt("commonmark", {"html": False}).enable("table").disable(list(_REFUSED))


def rendered(template: Template, variables: Variables, output_format: OutputFormat) -> Rendered:
    """Return the document. Raises `Invalid` for one of more than 256 KiB."""
    if extent(template, variables) > _SLACK * MAX_RENDERED:
        raise _too_large()
    content = _RENDERERS[output_format](template, variables)
    if len(content.encode()) > MAX_RENDERED:
        raise _too_large()
    names = [one.name for one in variables_of(template)]
    return Rendered(
        rendered_content=content,
        format=output_format,
        variables_used=[name for name in names if name in variables],
        missing=[name for name in names if name not in variables],
    )


def _too_large() -> Invalid:
    return invalid("/variables", f"the document would be larger than {MAX_RENDERED >> 10} KiB; give shorter values")


def _html(template: Template, variables: Variables) -> str:
    markdown = render(template, variables)
    if len(markdown) > MAX_RENDERED:  # HTML is never shorter by much, and takes its time
        raise _too_large()
    html: str = _HTML.render(markdown)
    return html


def _json(template: Template, variables: Variables) -> str:
    return json.dumps(outline(template, variables), ensure_ascii=False, indent=2)


def _yaml(template: Template, variables: Variables) -> str:
    return dump_yaml(outline(template, variables))


_RENDERERS: Final[Mapping[OutputFormat, Callable[[Template, Variables], str]]] = {
    "markdown": render,
    "html": _html,
    "json": _json,
    "yaml": _yaml,
}
