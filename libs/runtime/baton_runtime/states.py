"""The states of projects that a loop has decided on lately: brought up to date rather than folded anew.

The memory is bounded by what the events of the kept projects weigh. A state that is ahead of the log (which was
restored, or lost its tail in a failover) is recognised by a conflict after which nothing new is found, and is folded
from the beginning.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from baton_contracts.events import Event
from baton_contracts.project import Project, evolve
from baton_eventlog.reader import load

CAPACITY: Final = 32 << 20  # characters of the kept projects' events
_UNKNOWN: Final = Project()


@dataclass(frozen=True, slots=True)
class Kept:
    """A project's state, and what its events weigh."""

    state: Project = _UNKNOWN
    weight: int = 0

    def after(self, event: Event) -> "Kept":
        """Return it with one more event."""
        return Kept(evolve(self.state, event.payload), self.weight + event.size)


class States:
    """The newest states that are known, least recently used first."""

    def __init__(self, pool: asyncpg.Pool, capacity: int = CAPACITY) -> None:
        self._pool = pool
        self._capacity = capacity
        self._weight = 0
        self._kept: OrderedDict[UUID, Kept] = OrderedDict()
        self._doubted: dict[UUID, int] = {}

    async def load(self, projects: Iterable[UUID]) -> dict[UUID, Project]:
        """Bring the states of these projects up to date, in one query. Raises one of `UNAVAILABLE`, `BlobMissing`."""
        found = await self._advanced({project_id: self._kept.get(project_id, Kept()) for project_id in projects})
        ahead = [
            one for one, kept in found.items() if kept.state.version and self._doubted.get(one) == kept.state.version
        ]
        if ahead:
            found |= await self._advanced(dict.fromkeys(ahead, Kept()))
        for project_id, kept in found.items():
            self._doubted.pop(project_id, None)
            self._keep(project_id, kept)
        return {project_id: kept.state for project_id, kept in found.items()}

    async def _advanced(self, known: dict[UUID, Kept]) -> dict[UUID, Kept]:
        versions = {project_id: kept.state.version for project_id, kept in known.items()}
        advanced = dict(known)
        for event in await load(self._pool, versions):
            advanced[event.project_id] = advanced[event.project_id].after(event)
        return advanced

    def doubt(self, project_id: UUID) -> None:
        """Take note of a conflict: if the next load brings nothing new, the state is of another log."""
        if kept := self._kept.get(project_id):
            self._doubted[project_id] = kept.state.version

    def add(self, project_id: UUID, expected: int | None, after: Project, weight: int) -> Project:
        """Keep the state after what was written on a version, and return it; `weight` is that of the new events.

        A state that has moved on meanwhile stays, and is loaded when it is needed.
        """
        kept = self._kept.get(project_id, Kept())
        if kept.state.version != expected:
            return kept.state
        self._keep(project_id, Kept(after, kept.weight + weight))
        return after

    def known(self) -> list[UUID]:
        """Return the projects whose states are kept, least recently used first."""
        return list(self._kept)

    def _keep(self, project_id: UUID, kept: Kept) -> None:
        before = self._kept.pop(project_id, None)
        self._weight += kept.weight - (before.weight if before else 0)
        self._kept[project_id] = kept
        while self._weight > self._capacity and len(self._kept) > 1:
            _, forgotten = self._kept.popitem(last=False)
            self._weight -= forgotten.weight
