"""The variables that a template names: where each is used, and how much text their values would make.

Invariant: what is named here is what `render` and `outline` substitute, and nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from baton_contracts.definitions import Section, Template

from .substitution import LISTS, Variables, is_list, known_in, lines_of, names_in, text_of


@dataclass(frozen=True, slots=True)
class VariableUse:
    """A name, and the sections that use it in order; `repeatable` where a list gives items or rows of their own."""

    name: str
    used_in: tuple[str, ...]  # empty for a name that the document's title alone has
    repeatable: bool


def sections_of(template: Template) -> Iterator[Section]:
    """Yield every section of a template, each before those below it."""
    waiting = list(reversed(template.sections))
    while waiting:
        section = waiting.pop()
        yield section
        waiting.extend(reversed(section.sections))


def variables_of(template: Template) -> tuple[VariableUse, ...]:
    """Return each name that a template has once, in the order of first use."""
    sections = list(sections_of(template))
    patterns = chain([template.title], *([section.title, section.template] for section in sections))
    names = dict.fromkeys(chain.from_iterable(names_in(pattern) for pattern in patterns))
    return tuple(_use(name, sections) for name in names)


def extent(template: Template, variables: Variables) -> int:
    """Return about how many characters rendering would make, without making them.

    A list beside a long text repeats the text in each of its rows, so a small request can ask for a huge document.
    """
    texts = [template.title]
    lines: list[str] = []
    for section in sections_of(template):
        texts.append(section.title)
        if section.type in LISTS:
            lines.extend(lines_of(section))
        else:
            texts.append(section.template)
    return sum(_of_text(one, variables) for one in texts) + sum(_of_line(one, variables) for one in lines)


def _use(name: str, sections: list[Section]) -> VariableUse:
    used_in = [one for one in sections if name in names_in(one.title) or name in names_in(one.template)]
    return VariableUse(
        name=name,
        used_in=tuple(dict.fromkeys(one.id for one in used_in)),
        repeatable=any(one.type in LISTS and name in names_in(one.template) for one in used_in),
    )


def _of_text(pattern: str, variables: Variables) -> int:
    return len(pattern) + sum(len(text_of(variables[name])) for name in names_in(pattern) if name in variables)


def _of_line(pattern: str, variables: Variables) -> int:
    known = known_in(pattern, variables)
    rows = max((len(value) for value in known.values() if is_list(value)), default=1)
    uses = (known[name] for name in names_in(pattern) if name in known)
    return rows * len(pattern) + sum(len(text_of(value, "")) * (1 if is_list(value) else rows) for value in uses)
