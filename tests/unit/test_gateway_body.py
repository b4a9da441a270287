"""Strict JSON and the bodies' models, without I/O."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from baton_contracts.commands import Refused
from baton_contracts.rest import HitlAnswer, NewProject
from baton_contracts.texts import MAX_TEXT
from baton_gateway.body import Limits
from baton_gateway.body import parse as parse_within
from baton_gateway.problems import Invalid, misfit

LIMITS = Limits(depth=64, nodes=10_000)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def parse(data: bytes) -> object:
    return parse_within(data, LIMITS)


@given(JSON)
def test_what_is_json_comes_through_as_it_is(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value


@given(st.binary() | st.text().map(lambda text: json.dumps(text, ensure_ascii=True).encode()))
def test_any_bytes_are_refused_or_give_what_can_be_kept(data: bytes) -> None:
    with contextlib.suppress(Refused, Invalid):
        json.dumps(parse(data), allow_nan=False, ensure_ascii=False).encode()


def test_nesting_passes_to_the_limit_and_no_further() -> None:
    parse(b"[" * 64 + b"]" * 64)
    with pytest.raises(Invalid, match="deeper than 64 levels"):
        parse(b"[" * 65 + b"]" * 65)


def test_values_pass_to_the_limit_and_no_further() -> None:
    parse(b"[" + b"1," * 9998 + b"1]")
    with pytest.raises(Invalid, match="more than 10000 values"):
        parse(b"[" + b"1," * 9999 + b"1]")


def test_what_stands_in_a_text_is_no_value_and_no_level() -> None:
    text = '[{,"\\]}' * 10_000
    assert parse(json.dumps([text, {text: text}]).encode()) == [text, {text: text}]


@pytest.mark.parametrize("data", [b"[NaN]", b"[Infinity]", b"[-Infinity]", b"", b"{", b"\xff", b'"\x00"', b"[1]]"])
def test_what_is_not_json_is_400(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse(data)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        (rb'{"a": {"b/c": ["\u0000"]}}', "/a/b~1c/0"),
        (rb'{"a": ["x", "\ud83d"]}', "/a/1"),
        (rb'{"a": {"\ud83d": 1}}', "/a"),
        (b'{"a": 1, "a": 2}', ""),
        (b"[1e999]", ""),
        (json.dumps(dict.fromkeys(map(str, range(5000)))).encode()[:-1] + b', "4999": 1}', ""),
    ],
)
def test_what_cannot_be_kept_is_named_by_its_pointer(data: bytes, pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(data)
    assert [field.pointer for field in caught.value.fields] == [pointer]


def test_a_whole_surrogate_pair_is_a_character_like_any_other() -> None:
    assert parse(rb'{"a": "\ud83d\ude00"}') == {"a": "\N{GRINNING FACE}"}


def test_a_problem_never_repeats_what_was_sent() -> None:
    with pytest.raises(ValidationError) as caught:
        HitlAnswer.model_validate({"action": "hunter2", "response_content": 12345})
    told = str(misfit(caught.value))
    assert "/action" in told
    assert "hunter2" not in told
    assert "12345" not in told


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_a_project_is_named_by_its_idea_in_60_characters_at_most(idea: str) -> None:
    try:
        project = NewProject(product_idea=idea)
    except ValidationError:
        assert not any(one.isprintable() and not one.isspace() for one in idea)
        return
    assert 1 <= len(project.title()) <= 60
    assert project.title().rstrip("\N{HORIZONTAL ELLIPSIS}")[:20] in " ".join(idea.split())


def test_a_given_name_stands_and_an_idea_is_stripped() -> None:
    project = NewProject(product_idea="  an app \n", name=" My app ")
    assert (project.title(), project.product_idea, project.workflow_id) == ("My app", "an app", "idea-to-software")


def test_an_idea_may_be_as_long_as_the_limit() -> None:
    assert len(NewProject(product_idea="x" * MAX_TEXT).product_idea) == MAX_TEXT


@pytest.mark.parametrize(
    ("verb", "decision"),
    [
        ("approve", "approved"),
        ("approved", "approved"),
        ("reject", "rejected"),
        ("rejected", "rejected"),
        ("amend", "amended"),
        ("amended", "amended"),
    ],
)
def test_both_forms_of_a_verb_mean_the_same_decision(verb: str, decision: str) -> None:
    body = HitlAnswer.model_validate({"action": verb, "response_content": "words"})
    assert body.decision == decision
