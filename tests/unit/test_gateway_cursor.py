"""Cursors of lists: what was written is read back, and nothing else is read."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_gateway.cursor import MAX_LENGTH, read_cursor, write_cursor
from baton_gateway.problems import Invalid

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=200)


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_time_is_read_back_to_the_microsecond(time: datetime, entry_id: UUID) -> None:
    assert read_cursor(write_cursor("-created_at", time, entry_id), "-created_at", datetime) == (time, entry_id)


@given(NAMES, st.uuids())
def test_any_name_is_read_back_and_fits_into_a_query(name: str, entry_id: UUID) -> None:
    cursor = write_cursor("name", name, entry_id)
    assert read_cursor(cursor, "name", str) == (name, entry_id)
    assert len(cursor) <= MAX_LENGTH
    assert cursor.replace("-", "").replace("_", "").isalnum()


def test_no_cursor_is_the_beginning() -> None:
    assert read_cursor(None, "name", str)[0] is None


@given(NAMES, st.uuids(), st.sampled_from(["-name", "created_at"]), st.sampled_from([str, datetime]))
def test_a_cursor_of_another_order_is_refused(
    name: str, entry_id: UUID, order: str, kind: type[str] | type[datetime]
) -> None:
    with pytest.raises(Invalid):
        read_cursor(write_cursor("name", name, entry_id), order, kind)


@given(st.text(max_size=60), st.sampled_from([str, datetime]))
def test_any_text_is_refused_in_one_way(text: str, kind: type[str] | type[datetime]) -> None:
    with pytest.raises(Invalid) as refused:
        read_cursor(text, "name", kind)
    assert [field.pointer for field in refused.value.fields] == ["/query/cursor"]
