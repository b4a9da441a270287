"""The tail of the log in this process's memory: it never hides a gap, and never grows without bound."""

from datetime import UTC, datetime
from uuid import uuid4

from baton_contracts.events import AgentMessage, Event
from baton_eventlog.tail import Tail


def events(first: int, last: int, size: int = 1) -> list[Event]:
    payload = AgentMessage(task_id=uuid4(), agent_type="analyst", message="m")
    return [
        Event(uuid4(), uuid4(), datetime.now(UTC), position, 1, "a", None, None, payload, size)
        for position in range(first, last + 1)
    ]


def positions(tail: Tail, after: int, limit: int = 100) -> list[int]:
    return [event.position for event in tail.after(after, limit)]


def test_what_follows_a_position_comes_in_order_up_to_the_limit() -> None:
    tail = Tail()
    tail.add(events(5, 9))
    assert positions(tail, 4) == [5, 6, 7, 8, 9]
    assert positions(tail, 6, limit=2) == [7, 8]


def test_what_lies_before_or_beyond_has_to_be_read() -> None:
    tail = Tail()
    assert positions(tail, 0) == []
    tail.add(events(5, 9))
    assert positions(tail, 3) == []
    assert positions(tail, 9) == []
    assert positions(tail, 50) == []


def test_behind_a_gap_it_begins_anew() -> None:
    tail = Tail()
    tail.add(events(1, 3))
    tail.add(events(5, 6))  # 4 is somebody else's
    assert positions(tail, 2) == []
    assert positions(tail, 4) == [5, 6]


def test_a_log_that_was_restored_begins_anew_too() -> None:
    tail = Tail()
    tail.add(events(7, 9))
    tail.add(events(3, 4))
    assert positions(tail, 2) == [3, 4]
    assert positions(tail, 6) == []


def test_the_oldest_go_when_they_are_too_many_or_too_large() -> None:
    tail = Tail()
    tail.add(events(1, 2100))
    assert positions(tail, 99) == []
    assert positions(tail, 100)[0] == 101
    tail.add(events(2101, 2102, size=10 << 20))
    assert positions(tail, 2101) == [2102]
    assert positions(tail, 2100) == []
