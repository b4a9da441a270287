"""Which version of a project stands: one statement for all that are asked for while the one before is on its way.

A question is never answered by a statement that began before it, so whoever wrote and then asks is told of the write.
"""

import asyncio
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from baton_gateway.project_cache import Version
from baton_gateway.reading import READS, Pool, fetch

_MOST: Final = 500  # questions a statement


class ProjectVersions:
    """The versions of projects: the log's epoch, and the position of the newest change that each shows."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: dict[UUID, asyncio.Future[Version | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def newest(self, project_id: UUID) -> Version | None:
        """Return the version of a project, None where there is no such project. Raises one of `UNAVAILABLE`."""
        waiting = self._waiting.get(project_id)
        if waiting is None:
            waiting = self._waiting[project_id] = asyncio.get_running_loop().create_future()
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(waiting)

    async def _ask(self) -> None:
        try:
            while self._waiting:
                asked = {project_id: self._waiting.pop(project_id) for project_id in list(self._waiting)[:_MOST]}
                await self._answer(asked)
        finally:
            self._asking = None

    async def _answer(self, asked: Mapping[UUID, asyncio.Future[Version | None]]) -> None:
        try:
            rows = await fetch(self._pool, READS["project_versions"], list(asked))
        except Exception as error:  # noqa: BLE001 - whoever asked is told, and the next question is asked anew
            for waiting in asked.values():
                waiting.set_exception(error)
            return
        found = {project_id: Version(epoch, position) for project_id, epoch, position in rows}
        for project_id, waiting in asked.items():
            waiting.set_result(found.get(project_id))
