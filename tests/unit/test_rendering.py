"""Documents in every format: what HTML lets pass, what trees hold, which names a template has, how large it gets."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from baton_contracts.definitions import Template
from baton_contracts.rest_workflows import OutputFormat
from baton_gateway.problems import Invalid
from baton_gateway.rendering import MAX_RENDERED, rendered
from baton_runtime.definitions import Variables, VariableUse, extent, load_definitions, outline, render, variables_of
from baton_runtime.definitions.templates import read_template

OURS = load_definitions(Path(__file__).resolve().parents[2] / ".bmad-core").definitions.templates
HARMLESS: Final = {
    *("h1", "h2", "h3", "p", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "pre", "code", "em"),
    *("strong", "blockquote", "hr", "br"),
}
ATTRIBUTES: Final = {("code", "class"), ("ol", "start")}
HOSTILE: Final = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<iframe src=//evil.example>",
    "</h1></p></td></table></code></pre><script>alert(1)</script>",
    "<!-- --><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?>",
    "<style>@import '//evil.example'</style>",
    "[x](javascript:alert(1))",
    "[x](https://evil.example 'title')",
    "![x](https://evil.example/x.png)",
    "<https://evil.example>",
    "[x]\n\n[x]: https://evil.example",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;",
    '" onmouseover="alert(1)',
    "```\n</code></pre><script>",
    "| <b>x</b> | `<i>` |",
    "\\<script>alert(1)\\</script>",
    "> <object data=x>",
    "<form action=//evil.example><input name=password>",
    "a\n\n    <script>indented</script>",
]
PIECES: Final = [*HOSTILE, "`", "```", "\n", "\n\n", "    ", "- ", "1. ", "> ", "|", "\\", "*", "_", "#", "&", "<", ">"]


def template(*sections: dict[str, Any], title: str = "T") -> Template:
    output = {"format": "markdown", "filename": "docs/t.md", "title": title}
    head = {"id": "t", "name": "T", "version": 1.5, "output": output}
    numbered = [{"id": f"s{at}", **section} for at, section in enumerate(sections)]
    return read_template({"template": head, "sections": numbered})


EVERYWHERE: Final = template(
    {"title": "One {{t}}", "template": "{{t}} {{e}}\n{{t}}"},
    {"title": "Two", "type": "code", "language": "sh", "template": "{{t}}"},
    {"title": "Three", "type": "bullet-list", "template": "- **{{e}}** {{t}}"},
    {"title": "Four", "type": "numbered-list", "template": "{{t}}"},
    {"title": "Five", "type": "table", "columns": ["A", "B"], "template": "{{e}} | {{t}}"},
    {"title": "Six", "type": "mermaid", "template": "{{t}}"},
    title="{{t}}",
)


class Page(HTMLParser):
    """What a browser would find in a page: its elements, their attributes, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.other: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {(tag, name) for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.other.append(decl)

    def handle_pi(self, data: str) -> None:
        self.other.append(data)

    def unknown_decl(self, data: str) -> None:
        self.other.append(data)


def html(variables: Variables, form: Template = EVERYWHERE) -> Page:
    return Page(rendered(form, variables, "html").rendered_content)


def assert_harmless(page: Page) -> None:
    assert page.elements <= HARMLESS
    assert page.attributes <= ATTRIBUTES
    assert page.other == []


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_becomes_an_element_that_the_template_does_not_have(value: str) -> None:
    assert_harmless(html({"t": value, "e": [value, value]}))


@pytest.mark.parametrize("value", [one for one in HOSTILE if "\n" not in one and "\\" not in one and "`" not in one])
def test_every_value_is_readable_in_the_page_as_it_was_given(value: str) -> None:
    page = html({"t": value}, template({"template": "Before {{t}} after"}))
    assert f"Before {value} after" in page.text


@given(text=st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
def test_no_mixture_of_values_becomes_an_element_that_markdown_does_not_have(text: str) -> None:
    assert_harmless(html({"t": text, "e": [text, text]}))


def test_html_has_headings_lists_tables_and_code_where_the_template_has_them() -> None:
    page = rendered(EVERYWHERE, {"t": "x", "e": ["a", "b"]}, "html").rendered_content
    assert page.startswith("<h1>x</h1>\n<h2>One x</h2>\n<p>x a, b\nx</p>\n<h2>Two</h2>\n")
    assert '<pre><code class="language-sh">x\n</code></pre>' in page
    assert "<ul>\n<li><strong>a</strong> x</li>\n<li><strong>b</strong> x</li>\n</ul>" in page
    assert "<tr>\n<td>a</td>\n<td>x</td>\n</tr>" in page
    assert '<pre><code class="language-mermaid">x\n</code></pre>' in page


def test_the_tree_has_the_sections_with_values_as_they_are() -> None:
    nested = {"id": "in", "type": "table", "columns": ["A", "B"], "template": "| {{e}} | {{t}} |"}
    form = template({"title": "One {{t}}", "instruction": "SECRET", "template": "{{t}} {{no}}", "sections": [nested]})
    assert outline(form, {"t": "<b>|\n#", "e": ["1", "2"]}) == {
        "id": "t",
        "title": "T",
        "sections": [
            {
                "id": "s0",
                "title": "One <b>| #",
                "type": "template-text",
                "content": "<b>|\n# {{no}}",
                "sections": [
                    {
                        "id": "in",
                        "title": "",
                        "type": "table",
                        "columns": ["A", "B"],
                        "content": [["1", "<b>|\n#"], ["2", "<b>|\n#"]],
                        "sections": [],
                    }
                ],
            }
        ],
    }


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20), elements=st.lists(st.text(max_size=5)))
@example(text="\x85", elements=["a\u2028b", "\u2029"])
def test_json_and_yaml_read_back_as_the_same_tree(text: str, elements: list[str]) -> None:
    values: Variables = {"t": text, "e": elements}
    tree = outline(EVERYWHERE, values)
    assert json.loads(rendered(EVERYWHERE, values, "json").rendered_content) == tree
    assert yaml.safe_load(rendered(EVERYWHERE, values, "yaml").rendered_content) == tree


def test_markdown_is_what_the_library_renders() -> None:
    values: Variables = {"t": "x", "e": ["a"]}
    assert rendered(EVERYWHERE, values, "markdown").rendered_content == render(EVERYWHERE, values)


def test_each_variable_stands_once_in_the_order_of_its_first_use() -> None:
    form = template(
        {"title": "{{b}}", "template": "{{a}} {{ b }} {{}}", "sections": [{"id": "in", "template": "{{c}}{{a}}"}]},
        {"type": "bullet-list", "template": "- {{a}}\n- {{d}}"},
        {"type": "code", "template": "{{e}} {{e}}", "instruction": "{{f}}"},
        title="{{t}} {{a}}",
    )
    assert variables_of(form) == (
        VariableUse("t", (), repeatable=False),
        VariableUse("a", ("s0", "in", "s1"), repeatable=True),
        VariableUse("b", ("s0",), repeatable=False),
        VariableUse("c", ("in",), repeatable=False),
        VariableUse("d", ("s1",), repeatable=True),
        VariableUse("e", ("s2",), repeatable=False),
    )


@pytest.mark.parametrize("template_id", OURS)
def test_a_document_for_which_every_variable_is_given_has_no_name_left(template_id: str) -> None:
    form = OURS[template_id]
    names = [use.name for use in variables_of(form)]
    document = rendered(form, dict.fromkeys(names, "x"), "markdown")
    assert (document.variables_used, document.missing) == (names, [])
    assert "{{" not in document.rendered_content


def test_what_has_no_value_is_named_as_missing_and_what_is_not_asked_for_is_not_named() -> None:
    document = rendered(template({"template": "{{a}} {{b}}"}, title="{{c}}"), {"b": 1, "z": "x"}, "markdown")
    assert (document.variables_used, document.missing) == (["b"], ["c", "a"])
    assert document.rendered_content == "# {{c}}\n\n{{a}} 1\n"


VALUE = st.one_of(st.text(max_size=30), st.integers(), st.booleans(), st.lists(st.text(max_size=30), max_size=5))


@given(t=VALUE, e=VALUE)
def test_no_tree_holds_more_text_than_was_expected(t: Any, e: Any) -> None:  # noqa: ANN401 - any value
    def texts(node: object) -> int:
        if isinstance(node, dict):
            return sum(texts(value) for key, value in node.items() if key in ("title", "content", "sections"))
        return sum(map(texts, node)) if isinstance(node, list) else len(str(node))

    joints = 2 * 2 * 5  # a list in a text is joined with commas
    values: Variables = {"t": t, "e": e}
    assert texts(outline(EVERYWHERE, values)) <= extent(EVERYWHERE, values) + 10 * joints


@pytest.mark.parametrize("output_format", ["markdown", "html", "json", "yaml"])
@pytest.mark.parametrize(
    "values",
    [
        {"t": "x" * MAX_RENDERED},
        {"t": "x" * 10_000, "e": ["y"] * 100},
        {"t": "x" * 400_000, "e": [""] * 100_000},  # 40 GB, were it made
    ],
)
def test_a_document_that_is_too_large_is_refused_before_it_is_made(
    values: Variables, output_format: OutputFormat
) -> None:
    with pytest.raises(Invalid) as refused:
        rendered(EVERYWHERE, values, output_format)
    assert [field.pointer for field in refused.value.fields] == ["/variables"]


def test_a_document_just_within_the_limit_is_rendered() -> None:
    form = template({"template": "{{t}}"})
    assert len(rendered(form, {"t": "x" * (MAX_RENDERED - 6)}, "markdown").rendered_content) == MAX_RENDERED
    with pytest.raises(Invalid):
        rendered(form, {"t": "x" * (MAX_RENDERED - 5)}, "markdown")
