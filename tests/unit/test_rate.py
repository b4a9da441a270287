"""How often somebody may ask: by a clock that the tests turn."""

import time
from dataclasses import dataclass

import pytest

from baton_gateway.problems import Denied
from baton_gateway.rate import Buckets, Limiter


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def asked(limiter: Limiter, whose: str, times: int) -> int:
    """Ask so many times; tell how many of them passed."""
    passed = 0
    for _ in range(times):
        try:
            limiter.take(whose)
        except Denied:
            continue
        passed += 1
    return passed


def test_two_seconds_worth_may_come_at_once_and_then_what_a_second_brings(clock: Clock) -> None:
    limiter = Limiter(10, clock)
    assert asked(limiter, "anna", 100) == 20
    clock.now += 1
    assert asked(limiter, "anna", 100) == 10
    clock.now += 3600
    assert asked(limiter, "anna", 100) == 20


def test_one_who_asks_too_much_takes_nothing_from_another(clock: Clock) -> None:
    limiter = Limiter(10, clock)
    asked(limiter, "anna", 1000)
    assert asked(limiter, "ben", 20) == 20


def test_a_refusal_says_when_it_is_worth_trying_again(clock: Clock) -> None:
    limiter = Limiter(1, clock)
    asked(limiter, "anna", 2)
    with pytest.raises(Denied, match="try again in 1 s") as caught:
        limiter.take("anna")
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "1"})
    clock.now += 1
    assert asked(limiter, "anna", 5) == 1


def test_asking_while_refused_does_not_put_it_off(clock: Clock) -> None:
    limiter = Limiter(10, clock)
    passed = 0
    for _ in range(1000):
        clock.now += 0.01
        passed += asked(limiter, "anna", 1)
    assert 118 <= passed <= 121  # ten seconds of ten, and two at once


def test_a_rate_of_zero_is_no_limit(clock: Clock) -> None:
    limiter = Limiter(0, clock)
    assert asked(limiter, "anna", 10_000) == 10_000
    assert limiter.wait("anna") == 0
    for _ in range(100):
        limiter.fail("address:1")


def test_wrong_credentials_are_counted_by_address_however_high_the_rate(clock: Clock) -> None:
    limiter = Limiter(1000, clock)
    for _ in range(50):
        limiter.fail("address:1")
    with pytest.raises(Denied):
        limiter.fail("address:1")
    limiter.fail("address:2")
    clock.now += 0.1
    limiter.fail("address:1")


def test_who_is_quiet_again_is_forgotten(clock: Clock) -> None:
    buckets = Buckets(1, 2, clock)
    for n in range(9_999):
        buckets.take(str(n))
    clock.now += 10
    buckets.take("last")
    buckets.take("one more")
    assert buckets.remembered == 2


def test_looking_for_the_quiet_ones_costs_little_however_many_are_active(clock: Clock) -> None:
    buckets, begun = Buckets(1, 2, clock), time.process_time()
    for n in range(50_000):
        buckets.take(str(n))
    assert buckets.remembered == 50_000
    assert time.process_time() - begun < 2  # it took minutes when each newcomer had everybody looked at
