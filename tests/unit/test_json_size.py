"""JSON is measured by its bytes: as exactly as by its values, and in a time that its bytes do not decide."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_gateway.json_size import beyond

MIB = 1 << 20
NAMES = st.text('ab\\"[]{},: \n')
VALUES = st.recursive(
    st.none() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=30,
)


def inner(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def count(value: object) -> int:
    return 1 + sum(map(count, inner(value)))


def depth(value: object) -> int:
    return isinstance(value, dict | list) + max(map(depth, inner(value)), default=0)


@given(VALUES, st.sampled_from([None, 1]))
def test_levels_and_values_are_counted_exactly(value: object, indent: int | None) -> None:
    data = json.dumps(value, indent=indent).encode()
    assert beyond(data, depth(value), count(value)) is None
    if depth(value):
        assert beyond(data, depth(value) - 1, count(value)) == f"it is nested deeper than {depth(value) - 1} levels"
    if count(value) > 1:
        assert beyond(data, depth(value), count(value) - 1) == f"it holds more than {count(value) - 1} values"


BODIES = {
    "open lists": b"[" * MIB,
    "open objects": b'{"a":' * (MIB // 5),
    "numbers": b"[" + b"1," * (MIB // 2),
    "empty lists": b"[" + b"[]," * (MIB // 3),
    "empty lists that nothing parts": b"[" + b"[]" * (MIB // 2),
    "closings": b"]" * MIB,
    "texts": b"[" + b'"",' * (MIB // 3),
    "texts that nothing parts": b'"["' * (MIB // 3),
    "a text without end": b'"' + b"[,x" * (MIB // 3),
    "a text without end that escapes": b'"' + b",[" * 10_000 + b"x\\" * (MIB // 3) + b"\\",
    "nothing after many marks in a text": b'"' + b"," * 20_000 + b'"' + b" " * MIB,
    "half of it marks in names": b"{" + b'",,,,":1,' * (MIB // 9),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_mebibyte_of_anything_is_measured_in_a_moment(name: str) -> None:
    begun = time.process_time()
    beyond(BODIES[name], 64, 10_000)
    assert time.process_time() - begun < 0.05
