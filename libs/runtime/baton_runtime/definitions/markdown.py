"""Markdown blocks whose content is data.

Invariant: whatever the text, a block ends where its function ends it: no text closes a fence early, opens
one, starts a heading or an HTML block, leaves its list item or adds a cell to a table. Nothing here fails.
"""

import re
from collections.abc import Sequence
from typing import Final

_NOTHING: Final = "*None.*"
_INFO: Final = re.compile(r"[^A-Za-z0-9_+#.-]")
# What opens or closes a block at the start of a line, a quotation or a list item: headings, fences, HTML, and the
# underlines of headings.
_BLOCK_START: Final = re.compile(
    r"^((?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*)"
    r"(#{1,6}(?=[ \t]|$)|`{3,}|~{3,}|<(?=[A-Za-z/!?])|=+(?=[ \t]*$)|-+(?=[ \t]*$))",
    re.MULTILINE,
)


def neutral(text: str) -> str:
    r"""Return `text` with a backslash before whatever would start or end a block at the start of a line."""
    return _BLOCK_START.sub(r"\1\\\2", text)


def starts_block(line: str) -> bool:
    """Tell whether `line` itself starts or ends a block."""
    return _BLOCK_START.search(line) is not None


def line(text: str) -> str:
    """Return `text` as one line."""
    return " ".join(text.split())


def fence(text: str, language: str = "") -> str:
    """Return a code block of `text`, its fence longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{_INFO.sub('', language)}\n{text.rstrip()}\n{marks}"


def items(texts: Sequence[str], *, numbered: bool) -> str:
    """Return a list with one item a text; further lines of a text stay inside its item."""
    if not texts:
        return _NOTHING
    marks = [f"{at}. " if numbered else "- " for at in range(1, len(texts) + 1)]
    return "\n".join(_item(mark, text) for mark, text in zip(marks, texts, strict=True))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; short rows are filled up, and cells beyond the columns get a column without a name."""
    if not rows:
        return _NOTHING
    width = max(len(columns), *(len(row) for row in rows))
    lines = [_row(columns, width), "|" + " --- |" * width, *(_row(row, width) for row in rows)]
    return "\n".join(lines)


def _item(mark: str, text: str) -> str:
    inner = re.sub(r"\n(?=[^\n])", "\n" + " " * len(mark), neutral(text.strip()))
    return f"{mark}{inner}".rstrip()


def _row(cells: Sequence[str], width: int) -> str:
    filled = [*cells, *[""] * (width - len(cells))]
    return "| " + " | ".join(_cell(cell) for cell in filled) + " |"


def _cell(text: str) -> str:
    # A backslash before a pipe would escape the escape, so backslashes are doubled first.
    return line(text).replace("\\", "\\\\").replace("|", "\\|")
