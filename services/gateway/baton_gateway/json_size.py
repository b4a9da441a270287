"""How much JSON is: told from its bytes, before any of it is made into objects that take 50 times the memory.

Every value but the outermost follows a `[`, a `{` or a `,` that stands in no text, and each of these comes before one
value, unless it opens what is empty. So counting them counts values. What is no JSON may be counted wrongly: then the
parser stops no later than the count did.
"""

import re
from itertools import islice
from typing import Final

_TEXT: Final = rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'
_SPACE: Final = rb"[ \t\n\r]*+"
_EMPTY: Final = rb"\[" + _SPACE + rb"\]|\{" + _SPACE + rb"\}"
_MARK: Final = re.compile(rb'(?:[^"\[\]{},]++|' + _TEXT + rb")*+(" + _EMPTY + rb"|[\[\]{},]|\Z)", re.DOTALL)
_OPENING: Final = frozenset((b"[", b"{"))
_CLOSING: Final = frozenset((b"]", b"}"))
_MARKS_A_VALUE: Final = 3  # at most: the one before it, and its own two


def beyond(data: bytes, depth: int, nodes: int) -> str | None:
    """Return in which way JSON is more than this many levels or values; takes time by `nodes`, not by the bytes."""
    openings = sum(map(data.count, _OPENING))
    if openings <= depth and openings + data.count(b",") < nodes:
        return None  # not even if none of these stood in a text
    level, values = 0, 1
    for found in islice(_MARK.finditer(data), _MARKS_A_VALUE * nodes):
        mark = found[1]
        level += (mark in _OPENING) - (mark in _CLOSING)
        values += mark == b"," or mark in _OPENING
        if level < 0:
            return None
        if level + (len(mark) > 1) > depth:
            return f"it is nested deeper than {depth} levels"
        if values > nodes:
            return f"it holds more than {nodes} values"
    return None
