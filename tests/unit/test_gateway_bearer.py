"""The form of API keys, and which of them a person means."""

import re
import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_gateway.bearer import Bearer, bearer_in, new_bearer
from baton_gateway.key_book import NAME_PATTERN, KeyEntry, matching

PREFIX = "baton_"
GIVEN = Bearer(UUID(int=0x3737682B6BEA4D109F6961B68BAC3A2F), "k" * 43)  # the same in every worker
TEXT = GIVEN.text(PREFIX)


def test_what_is_given_is_read_again() -> None:
    assert bearer_in(TEXT, PREFIX) == GIVEN
    assert re.fullmatch(r"baton_[0-9a-f]{32}_[A-Za-z0-9_-]{43}", TEXT)


def test_no_two_have_anything_in_common() -> None:
    made = [new_bearer() for _ in range(1000)]
    assert len({one.id for one in made}) == len({one.hash for one in made}) == 1000


@pytest.mark.parametrize(
    "text",
    [
        "",
        PREFIX,
        TEXT[:-1],
        TEXT + "A",
        TEXT + "\n",
        f" {TEXT[:-1]}",
        TEXT.upper(),
        TEXT.replace("baton_", "Baton_"),
        TEXT.removeprefix(PREFIX),
        PREFIX + TEXT,
        PREFIX + str(GIVEN.id) + TEXT[38:],
        TEXT[:20] + "\0" + TEXT[21:],
        TEXT[:-1] + "\u0663",
        TEXT[:-1] + "=",
        "baton_" + "g" * 32 + TEXT[38:],
        "baton_" + "\uff11" * 32 + TEXT[38:],
        "ticket_" + TEXT.removeprefix(PREFIX),
    ],
)
def test_what_has_another_form_is_none(text: str) -> None:
    assert bearer_in(text, PREFIX) is None


@given(st.text() | st.text().map(lambda text: PREFIX + text))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    assert bearer_in(text, PREFIX) is None


def test_a_million_characters_cost_nothing() -> None:
    long = [PREFIX + "a" * 1_000_000, TEXT * 12_000, PREFIX + "0" * 32 + "_" * 1_000_000]
    began = time.perf_counter()
    for _ in range(1000):
        assert not any(bearer_in(text, PREFIX) for text in long)
    assert time.perf_counter() - began < 0.5


def test_a_secret_is_not_shown_by_what_holds_it() -> None:
    assert GIVEN.secret not in f"{GIVEN} {GIVEN!r}"


def key(name: str, key_id: UUID | None = None) -> KeyEntry:
    """Return a key of a name."""
    return KeyEntry(key_id or uuid4(), name, "viewer", "default", datetime.now(UTC), None, "valid")


def test_a_key_is_meant_by_its_name_its_id_or_the_beginning_of_it() -> None:
    keys = [key("ci"), key("ann@example.org"), key("bob")]
    for one in keys:
        for said in (one.name, str(one.id), str(one.id).upper(), one.id.hex, one.id.hex[:12], str(one.id)[:14]):
            assert matching(keys, said) == [one]


def test_a_whole_key_means_itself_so_that_what_leaked_is_easily_revoked() -> None:
    one = key("ci", GIVEN.id)
    assert matching([key("other"), one], TEXT) == [one]
    assert matching([key("other")], TEXT) == []


def test_a_name_counts_before_the_beginning_of_another_id() -> None:
    first = key("first", UUID("abcdef00-0000-4000-8000-000000000000"))
    second = key("abcdef00", UUID("12345678-0000-4000-8000-000000000000"))
    assert matching([first, second], "abcdef00") == [second]


def test_a_beginning_of_several_gives_them_all_and_too_short_a_one_none() -> None:
    keys = [key(str(n), UUID(f"abcdef0{n}-0000-4000-8000-000000000000")) for n in range(3)]
    assert matching(keys, "abcdef") == keys
    for said in ("", "a", "abc", "-", "----", "%", "abcdefg"):
        assert matching(keys, said) == []


@pytest.mark.parametrize("name", ["a", "ci", "ann@example.org", "a.b_c-d", "0", "a" * 64])
def test_a_name_may_be(name: str) -> None:
    assert re.fullmatch(NAME_PATTERN, name)


@pytest.mark.parametrize("name", ["", "A", "-a", ".a", "@a", "a b", "a/b", "a\n", "a:b", "ä", "a" * 65])
def test_a_name_may_not_be(name: str) -> None:
    assert not re.fullmatch(NAME_PATTERN, name)
