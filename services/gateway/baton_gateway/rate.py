"""How many requests somebody may send: a bucket of tokens for each, filled by time (a token bucket).

A bucket is two numbers; one that is full again is forgotten, so memory follows those who are active.
"""

import math
from collections.abc import Callable
from time import monotonic
from typing import Final

from baton_gateway.problems import Denied

_AT_ONCE: Final = 2.0  # seconds' worth that may come at once
_WRONG_PER_SECOND: Final = 10.0
_WRONG_AT_ONCE: Final = 5.0
_SWEEP: Final = 10_000  # buckets, from which on full ones are looked for


class Buckets:
    """Buckets of one size: `rate` tokens a second each, up to `seconds` of them."""

    def __init__(self, rate: float, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._size = rate * seconds
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}
        self._many = _SWEEP

    @property
    def remembered(self) -> int:
        """How many buckets are not known to be full."""
        return len(self._left)

    def take(self, whose: str) -> float:
        """Take a token; return the seconds until there is one where there was none, else 0."""
        now = self._clock()
        left, then = self._left.get(whose, (self._size, now))
        left = min(self._size, left + (now - then) * self._rate)
        if left < 1:
            return (1 - left) / self._rate
        if len(self._left) >= self._many:
            self._forget(now)
        self._left[whose] = (left - 1, now)
        return 0.0

    def _forget(self, now: float) -> None:
        full = [one for one, (left, then) in self._left.items() if left + (now - then) * self._rate >= self._size]
        for one in full:
            del self._left[one]
        self._many = max(_SWEEP, 2 * len(self._left))  # so that looking costs nobody much, however many are active


class Limiter:
    """What one principal may ask, and how often an address may be refused as nobody; a rate of 0 is no limit."""

    def __init__(self, requests_per_second: int, clock: Callable[[], float] = monotonic) -> None:
        self._told = Buckets(1, 1, clock)
        self._asked = Buckets(requests_per_second, _AT_ONCE, clock) if requests_per_second else None
        self._wrong = Buckets(_WRONG_PER_SECOND, _WRONG_AT_ONCE, clock) if requests_per_second else None

    def tells(self, whose: str) -> bool:
        """Tell whether to log that somebody asks too much: once a second, for a flood must not become one of lines."""
        return not self._told.take(whose)

    def take(self, whose: str) -> None:
        """Count a request. Raises `Denied` (429)."""
        if self._asked and (wait := self._asked.take(whose)):
            raise _too_many("These are more requests than one may send", wait)

    def wait(self, whose: str) -> float:
        """Count a message on a socket; return the seconds to wait before the next is read."""
        return self._asked.take(whose) if self._asked else 0.0

    def fail(self, address: str) -> None:
        """Count a request of nobody that was refused. Raises `Denied` (429)."""
        if self._wrong and (wait := self._wrong.take(address)):
            raise _too_many("Too many requests from this address were refused", wait)


def _too_many(what: str, wait: float) -> Denied:
    seconds = max(1, math.ceil(wait))
    return Denied(429, "Too many requests", f"{what}; try again in {seconds} s.", headers={"Retry-After": str(seconds)})
