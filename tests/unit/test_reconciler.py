"""When the reconciler sends again, and whom it takes for dead."""

from itertools import pairwise
from uuid import uuid4

from baton_orchestrator.reconciler import LONGEST, PATIENCE, SILENCE, Backoff, Watch


def test_a_new_leader_sends_everything_at_once_then_waits_longer_and_longer_up_to_a_limit() -> None:
    event, backoff = uuid4(), Backoff()
    sent = [now for now in range(600) if backoff.take_due([event], now, 0 if now == 0 else PATIENCE)]
    waits = [later - earlier for earlier, later in pairwise(sent)]
    assert sent[0] == 0
    assert waits[:3] == [PATIENCE, 2 * PATIENCE, 4 * PATIENCE]
    assert set(waits[3:]) == {LONGEST}


def test_what_is_new_is_given_time_before_it_is_sent_again() -> None:
    event, backoff = uuid4(), Backoff()
    assert backoff.take_due([event], 100, PATIENCE) == set()
    assert backoff.take_due([event], 100 + PATIENCE, PATIENCE) == {event}


def test_what_was_settled_is_forgotten() -> None:
    event, backoff = uuid4(), Backoff()
    backoff.take_due([event], 0, 0)
    backoff.take_due([], 1, PATIENCE)
    assert backoff.due == {}


def test_a_runner_is_silent_when_its_counter_stood_still_for_long_enough() -> None:
    runner, alive, watch = uuid4(), uuid4(), Watch()
    for second in range(int(SILENCE)):
        assert watch.silent({runner: 7, alive: second}, second) == []
    assert watch.silent({runner: 7, alive: 99}, SILENCE) == [(runner, 7)]


def test_a_fresh_watch_knows_nothing_of_before() -> None:
    """As after an outage of the database: nobody is dead because nobody could look."""
    assert Watch().silent({uuid4(): 7}, 1000) == []
