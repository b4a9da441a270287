"""One topic of the memory bus: what was broadcast and is not handed out yet, and to whom it goes.

Nobody keeps a broadcast: it goes to those who listen at that moment, in one callback of the event loop that serves
everything waiting.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

from baton_runtime.bus.limits import BROADCASTS_WAITING, MAX_BROADCAST_BYTES

log = structlog.get_logger("baton.bus")


class MemoryTopic:
    """The listeners of one topic."""

    def __init__(self) -> None:
        self._listeners: list[MemoryListener] = []
        self._waiting: deque[tuple[bytes, tuple[MemoryListener, ...]]] = deque()
        self._scheduled = False
        self._dropped = 0

    def put(self, body: bytes) -> None:
        """Hand a body out soon, or drop it where it is too large or too much waits."""
        if len(body) > MAX_BROADCAST_BYTES or len(self._waiting) >= BROADCASTS_WAITING:
            self._dropped += 1
        else:
            self._waiting.append((body, tuple(self._listeners)))
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._hand_out)

    def listen(self, sink: Callable[[bytes], None]) -> "MemoryListener":
        """Add a listener."""
        listener = MemoryListener(self, sink)
        self._listeners.append(listener)
        return listener

    def leave(self, listener: "MemoryListener") -> None:
        """Forget a listener, once or twice."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def cancel_all(self) -> None:
        """End every listener."""
        for listener in tuple(self._listeners):
            listener.stop()

    def _hand_out(self) -> None:
        self._scheduled = False
        waiting, self._waiting = self._waiting, deque()
        dropped, self._dropped = self._dropped, 0
        if dropped:
            log.warning("broadcasts_dropped", count=dropped, reason="too large, or too many at once")
        for body, listeners in waiting:
            for listener in listeners:
                listener.hear(body)


class MemoryListener:
    """A running listener of one topic."""

    def __init__(self, topic: MemoryTopic, sink: Callable[[bytes], None]) -> None:
        self._topic: Final = topic
        self._sink: Final = sink
        self._running = True

    async def cancel(self) -> None:
        """Hear no more."""
        self.stop()

    def stop(self) -> None:
        """Cancel without waiting."""
        self._running = False
        self._topic.leave(self)

    def hear(self, body: bytes) -> None:
        """Hand one body to the sink."""
        if not self._running:
            return
        try:
            self._sink(body)
        except Exception:
            log.exception("sink_failed")
