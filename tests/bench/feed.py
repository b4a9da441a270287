"""Commands to append without end: each the next event of one of many projects that are under way."""

import random
from collections.abc import Iterator
from itertools import islice
from uuid import UUID

from uuid_utils.compat import uuid7

from baton_contracts.events import HitlResponse, Payload, ProjectCreated
from baton_eventlog.append import Append, NewEvent
from bench.story import LEAN, Sizes, block_of, named, story, texts

_ASKED_FOR = ProjectCreated, HitlResponse  # by commands, whose hash is kept; the rest follows from events
_REPLY = '{"result": null, "problem": null}'


class Feed:
    """Commands with message id, expected version and reply; it takes for granted that all are appended, in order.

    `seed` names its projects and sets its order. With `midway` the first stories start in their middle, so that
    events of all kinds come at once; without, every story is whole, as projections need it.
    """

    def __init__(self, seed: str, *, sizes: Sizes = LEAN, streams: int = 300, midway: bool = True) -> None:
        self._seed = seed
        self._made = texts(sizes)
        self._chance = random.Random(seed)  # noqa: S311 - an order, not a secret
        self._stories = 0
        self._streams = [self._open(skip=n % 28 if midway else 0) for n in range(streams)]

    def take(self, count: int) -> list[Append]:
        """Return so many commands, each for another project."""
        return [self._next(n) for n in self._chance.sample(range(len(self._streams)), count)]

    def batches(self, count: int, size: int) -> list[list[Append]]:
        """Return batches of so many commands each."""
        return [self.take(size) for _ in range(count)]

    def _open(self, skip: int = 0) -> tuple[UUID, Iterator[tuple[int, Payload]]]:
        self._stories += 1
        block = block_of(f"{self._seed}:{self._stories}")
        return named(block, 0), enumerate(islice(story(block, self._made), skip, None))

    def _next(self, stream: int) -> Append:
        project, payloads = self._streams[stream]
        step = next(payloads, None)
        if step is None:
            self._streams[stream] = self._open()
            return self._next(stream)
        version, payload = step
        return Append(
            project_id=project,
            consumer="orchestrator",
            events=[NewEvent.of(payload)],
            expected=version,
            actor="system",
            message_id=uuid7(),
            causation_id=uuid7(),
            correlation_id=project,
            request_hash="0" * 64 if isinstance(payload, _ASKED_FOR) else "",
            reply=_REPLY,
        )


def mean_bytes(feed: Feed, events: int = 1000) -> int:
    """Return the mean size of a payload of a feed, whose commands are lost."""
    return sum(feed.take(1)[0].size for _ in range(events)) // events
