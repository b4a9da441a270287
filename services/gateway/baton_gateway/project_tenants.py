"""Whose projects are: each one's tenant, which never changes, as far as anybody asked or was told.

It stands in `project_created`; of other projects the tables are asked, once.
"""

import sys
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

from baton_contracts.events import Event, ProjectCreated
from baton_contracts.ids import SYSTEM_STREAM
from baton_gateway.reading import READS, Pool, fetch

_MOST: Final = 100_000


class ProjectTenants:
    """The tenants of the projects that were heard of last."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: OrderedDict[UUID, str] = OrderedDict()

    def known(self, project_id: UUID) -> str | None:
        """Return a project's tenant where it is known already."""
        return self._known.get(project_id)

    async def of(self, project_id: UUID) -> str | None:
        """Return a project's tenant, None where there is no such project. Raises one of `UNAVAILABLE`."""
        return (await self._of_all([project_id])).get(project_id)

    async def of_events(self, events: Sequence[Event]) -> Mapping[UUID, str]:
        """Return the tenants of the projects of some events, which the tables must show by now."""
        created = {one.project_id: one.payload.tenant for one in events if isinstance(one.payload, ProjectCreated)}
        _keep(self._known, created)
        return await self._of_all({one.project_id for one in events} - {SYSTEM_STREAM})

    async def _of_all(self, project_ids: Collection[UUID]) -> Mapping[UUID, str]:
        known = self._known  # those of this log: what is asked now must not be kept after a `clear`
        found = {one: known[one] for one in project_ids if one in known}
        if missing := [one for one in project_ids if one not in found]:
            rows = await fetch(self._pool, READS["tenants_of_projects"], missing)
            asked = {row["id"]: row["tenant"] for row in rows}
            _keep(known, asked)
            found |= asked
        return found

    def clear(self) -> None:
        """Forget everything: it may be of another log."""
        self._known = OrderedDict()


def _keep(known: OrderedDict[UUID, str], tenants: Mapping[UUID, str]) -> None:
    for project_id, tenant in tenants.items():
        known[project_id] = sys.intern(tenant)
    while len(known) > _MOST:
        known.popitem(last=False)
