"""Reading a project: its body only where it changed since it was last read here."""

from uuid import UUID

from baton_gateway.project_cache import ProjectCache, Shown, Version
from baton_gateway.project_versions import ProjectVersions
from baton_gateway.reading import READS, Pool, fetch_row


class ProjectReader:
    """Projects as the tables show them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._cache = ProjectCache()
        self._versions = ProjectVersions(pool)

    async def newest(self, project_id: UUID, tenant: str | None) -> Shown | None:
        """Return a project of a tenant (None: of any), None where there is none. Raises one of `UNAVAILABLE`."""
        known = self._cache.get(project_id, tenant)
        if known and await self._versions.newest(project_id) == known.version:
            return known
        row = await fetch_row(self._pool, READS["project_view"], project_id, tenant)
        if row is None:
            return None
        version = Version(row["epoch"], row["version"])
        shown = Shown(version, version.tag, row["body"].encode(), row["tenant"])
        self._cache.keep(project_id, shown)
        return shown
