"""Templates: what is rendered, and that no value changes the document's structure."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from baton_contracts.definitions import Template
from baton_contracts.handoffs import ImplementationPlan, SoftwareSpecification, TestReport
from baton_runtime.definitions import InvalidDefinition, Variables, load_definitions, render
from baton_runtime.definitions.templates import read_template

OURS = load_definitions(Path(__file__).resolve().parents[2] / ".bmad-core").definitions.templates
PARSER = MarkdownIt("commonmark")
TABLES = MarkdownIt("commonmark").enable("table")

SPECIFICATION = SoftwareSpecification(
    requirements=["R1 shall", "R2 shall"], user_stories=["As a cook, I want"], high_level_features=["Recipes"],
    core_idea="Recipes for cooks.",
)  # fmt: skip
PLAN = ImplementationPlan(
    architecture_diagram_url="/d", database_schema="CREATE TABLE r(id);", tech_stack=["Python"], task_breakdown=["T1"]
)
REPORT = TestReport(passed=True, tests_run=3, failures=0, command=["python"], duration_seconds=1.23456, output="OK\n")


def template(*sections: dict[str, Any], title: str = "T") -> Template:
    output = {"format": "markdown", "filename": "docs/t.md", "title": title}
    head = {"id": "t", "name": "T", "version": 2.0, "output": output}
    numbered = [{"id": f"s{at}", **section} for at, section in enumerate(sections)]
    return read_template({"template": head, "sections": numbered})


def rendered(variables: Variables, **section: object) -> str:
    """Return the body of the only section, without the title."""
    return render(template(section), variables).removeprefix("# T\n\n").rstrip("\n")


def structure(document: str, parser: MarkdownIt = PARSER) -> list[tuple[str, str, int]]:
    """Return the document's headings, fences and HTML blocks with their depth, as a CommonMark parser sees them."""
    kinds = {"heading_open", "fence", "html_block", "table_open", "td_open"}
    return [(token.type, token.tag, token.level) for token in parser.parse(document) if token.type in kinds]


def test_headings_follow_the_nesting_and_instructions_never_show() -> None:
    document = render(
        template(
            {"title": "A {{x}}", "instruction": "SECRET {{x}}", "sections": [
                {"id": "b", "title": "B", "template": "b", "instruction": "SECRET"},
                {"id": "c", "template": "c", "sections": [{"id": "d", "title": "D"}]},
            ]},
            title="{{name}}",
        ),
        {"x": "1", "name": "N\n# M"},
    )  # fmt: skip
    assert document == "# N # M\n\n## A 1\n\n### B\n\nb\n\nc\n\n### D\n"


def test_headings_stop_at_the_sixth_level() -> None:
    section: dict[str, Any] = {"id": "last", "title": "Last"}
    for at in range(8):
        section = {"id": f"n{at}", "title": "N", "sections": [section]}
    assert "\n###### Last\n" in render(template(section), {})


@pytest.mark.parametrize("pattern", ["{{unknown}}", "{{high|med|low}}", "{{GDScript|C#}}", "{% x %}", "{{", "}}{{ }}"])
def test_names_without_a_value_stay_as_they_are(pattern: str) -> None:
    assert rendered({"known": "x"}, template=pattern) == pattern


def test_values_are_never_rendered_again() -> None:
    values = {"a": "{{b}} {{ 7*7 }}", "b": "B"}
    assert rendered(values, template="{{a}} {{ b }}") == "{{b}} {{ 7*7 }} B"


@pytest.mark.parametrize(
    ("value", "text"), [(True, "yes"), (False, "no"), (3, "3"), (1.23456, "1.235"), (["a", "b"], "a, b")]
)
def test_values_in_text_are_written_for_readers(value: Any, text: str) -> None:  # noqa: ANN401 - any value
    assert rendered({"v": value}, template="{{v}}") == text


@pytest.mark.parametrize(
    ("kind", "pattern", "text"),
    [
        ("bullet-list", "- {{v}}", "- one\n- two\n  more"),
        ("bullet-list", "{{v}}", "- one\n- two\n  more"),
        ("numbered-list", "1. {{v}}", "1. one\n2. two\n   more"),
        ("bullet-list", "- **{{v}}**: {{w}}", "- **one**: 1\n- **two\n  more**:"),
        ("bullet-list", "- fixed\n- {{s}}", "- fixed\n- str"),
        ("paragraphs", "{{s}}", "str"),
        ("bullet-list", "- {{none}}", "*None.*"),
        ("table", "{{none}}", "*None.*"),
    ],
)
def test_lists_have_one_item_an_element(kind: str, pattern: str, text: str) -> None:
    values: Variables = {"v": ["one", "two\nmore"], "w": ["1"], "s": "str", "none": []}
    assert rendered(values, type=kind, template=pattern) == text


def test_a_table_has_one_row_an_element_and_pipes_stay_in_their_cell() -> None:
    values = {"n": ["a|b", "c\nd"], "w": ["\\|", "x"]}
    table = rendered(values, type="table", columns=["Name", "What"], template="| {{n}} | {{w}} |")
    assert table == "| Name | What |\n| --- | --- |\n| a\\|b | \\\\\\| |\n| c d | x |"
    assert [kind for kind, _, _ in structure(table, TABLES)].count("td_open") == 4


def test_code_is_fenced_longer_than_any_fence_in_it() -> None:
    block = rendered({"c": "```\n# out\n`````\n"}, type="code", language="py thon`", template="{{c}}")
    assert block == "``````python\n```\n# out\n`````\n``````"
    assert rendered({"d": ["a", "b"]}, type="mermaid", template="{{d}}") == "```mermaid\na\nb\n```"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("# H", "\\# H"),
        ("ok\n---", "ok\n\\---"),
        ("a\r\n```x", "a\n\\```x"),
        ("<script>", "\\<script>"),
        ("> - # H", "> - \\# H"),
        ("C# and a - b < c", "C# and a - b < c"),
        ("- a\n- b", "- a\n- b"),
    ],
)
def test_text_keeps_its_words_but_starts_no_block_of_its_own(value: str, text: str) -> None:
    assert rendered({"v": value}, template="{{v}}") == text


PIECES = ["`", "```", "~~~", "#", "# ", "---", "- ", "* ", "1. ", "> ", "=", "<div>", "<!--", "<?", "]]>", "</script>"]
PIECES += ["|", "\\", " ", "    ", "\t", "\n", "\r\n", "\n\n", "{{t}}", "{{", "}}", "[a]: b", "a", "*", "_", "&lt;"]
NASTY = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(text=NASTY, other=NASTY, elements=st.lists(NASTY, max_size=4))
def test_no_value_changes_the_structure_of_a_document(text: str, other: str, elements: list[str]) -> None:
    """Headings, fences and HTML blocks are the template's alone, whatever the values hold."""
    form = template(
        {"title": "One {{t}}", "template": "{{t}}{{o}}\n{{o}}"},
        {"title": "Two", "type": "code", "template": "{{t}}"},
        {"title": "Three", "type": "bullet-list", "template": "- {{t}}{{e}}"},
        {"title": "Four", "type": "numbered-list", "template": "{{o}}"},
        {"title": "Five", "type": "mermaid", "template": "{{o}}"},
    )
    heading, fence = ("heading_open", "h2", 0), ("fence", "code", 0)
    expected = [("heading_open", "h1", 0), heading, heading, fence, heading, heading, heading, fence]
    assert structure(render(form, {"t": text, "o": other, "e": elements})) == expected


@given(text=NASTY, elements=st.lists(NASTY, min_size=1, max_size=4))
def test_no_value_adds_a_cell_to_a_table_or_ends_it(text: str, elements: list[str]) -> None:
    form = template({"type": "table", "columns": ["A", "B"], "template": "{{t}} | {{e}}"})
    found = structure(render(form, {"t": text, "e": elements}), TABLES)
    cells = [("td_open", "td", 3)] * 2 * len(elements)
    assert found == [("heading_open", "h1", 0), ("table_open", "table", 0), *cells]


@pytest.mark.parametrize(
    ("template_id", "content", "extra"),
    [
        ("specification-tmpl", SPECIFICATION, {}),
        ("plan-tmpl", PLAN, {"diagram": "graph TD"}),
        ("test-report-tmpl", REPORT, {}),
    ],
)
def test_our_templates_show_every_field_of_their_handoff(
    template_id: str, content: SoftwareSpecification | ImplementationPlan | TestReport, extra: dict[str, str]
) -> None:
    fields: dict[str, Any] = content.model_dump()
    document = render(OURS[template_id], {"project_name": "Cook", **fields, **extra})
    assert document.startswith("# Cook: ")
    assert "{{" not in document
    marked: dict[str, Any] = {name: f"<{name}>" for name in fields}
    shown = render(OURS[template_id], marked)
    assert all(f"<{name}>" in shown for name in fields)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sections": []}, "sections is missing or empty"),
        ({"sections": [{"title": "no id"}]}, "sections[0].id is missing"),
        ({"sections": [{"id": "a", "type": "choice"}]}, "sections[0].type is 'choice'"),
        ({"sections": [{"id": "a", "sections": "b"}]}, "sections[0].sections must be a list"),
        ({"template": {"id": "t", "name": "T", "version": "1"}}, "template.output is missing"),
        ({"template": {"output": {"format": "yaml"}}}, "template.output.format is 'yaml'"),
        ({"template": []}, "template must be a mapping"),
    ],
)
def test_a_template_that_cannot_be_used_names_the_field(change: dict[str, Any], reason: str) -> None:
    output = {"format": "markdown", "filename": "t.md", "title": "T"}
    whole = {"template": {"id": "t", "name": "T", "version": "1", "output": output}, "sections": [{"id": "a"}]}
    with pytest.raises(InvalidDefinition) as refused:
        read_template(whole | change)
    assert str(refused.value).startswith(reason)
