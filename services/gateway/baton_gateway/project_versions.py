"""Which version of a project stands: one statement for all that are asked for at once (`Inquiry`)."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from baton_gateway.inquiry import Inquiry
from baton_gateway.project_cache import Version
from baton_gateway.reading import READS, Pool, fetch


class ProjectVersions:
    """The versions of projects: the log's epoch, and the position of the newest change that each shows."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._inquiry = Inquiry(self._look_up)

    async def newest(self, project_id: UUID) -> Version | None:
        """Return the version of a project, None where there is no such project. Raises one of `UNAVAILABLE`."""
        return await self._inquiry.ask(project_id)

    async def _look_up(self, project_ids: Sequence[UUID]) -> Mapping[UUID, Version]:
        rows = await fetch(self._pool, READS["project_versions"], list(project_ids))
        return {project_id: Version(epoch, position) for project_id, epoch, position in rows}
