"""The newest events that this process has appended, for its own followers: they need not be read and parsed again.

Positions are dense, so a follower that finds the very next position here misses nothing by not asking PostgreSQL. What
other processes append leaves a gap, and what lies beyond a gap is read.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

from baton_contracts.events import Event

_COUNT: Final = 2000
_WEIGHT: Final = 16 << 20  # characters


class Tail:
    """A run of events without a gap, bounded in number and size; the oldest go first."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._weight = 0

    def add(self, events: Sequence[Event]) -> None:
        """Take what was appended; it begins anew where it does not follow what is here."""
        for event in events:
            if self._events and event.position != self._events[-1].position + 1:
                self._events.clear()
                self._weight = 0
            self._events.append(event)
            self._weight += event.size
        while len(self._events) > _COUNT or self._weight > _WEIGHT:
            self._weight -= self._events.popleft().size

    def after(self, position: int, limit: int) -> list[Event]:
        """Return the events that follow a position, without a gap; none where they have to be read."""
        if not self._events or not self._events[0].position <= position + 1 <= self._events[-1].position:
            return []
        begin = position + 1 - self._events[0].position
        return list(islice(self._events, begin, begin + limit))
