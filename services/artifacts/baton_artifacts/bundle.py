"""Builds a project's bundle and puts it into the object store, before anybody says that it is there.

A crash in between leaves a blob that nothing names. Bundles are reproducible, so building again heals a store
that lost one.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from baton_artifacts.decide import RecordBundle, RefuseBundle, Sources, sources_of
from baton_artifacts.documents import documents_of
from baton_artifacts.manifest import BundleFile, files_of
from baton_artifacts.zip import zip_stream
from baton_contracts.commands import Problem, Refused
from baton_contracts.definitions import Template
from baton_contracts.project import Project, evolve
from baton_eventlog.database import UNAVAILABLE
from baton_eventlog.reader import load
from baton_runtime.blobs import BlobStore

log = structlog.get_logger("baton.bundle")
_RETRY: Final = 0.2
_STORE_DEADLINE: Final = 120.0


@dataclass(frozen=True, slots=True)
class Bundler:
    """What building needs: the log to read, the store to write, the templates of the documents."""

    pool: asyncpg.Pool
    store: BlobStore
    templates: Mapping[str, Template]

    async def build(self, project_id: UUID) -> RecordBundle | RefuseBundle:
        """Return what to record about a project's bundle, which is in the store by then, or why there is none.

        Raises `BlobsUnavailable`, or `TimeoutError` when the store took longer than two minutes.
        """
        try:
            sources = sources_of(project_id, await self._state(project_id))
            files = await asyncio.to_thread(self._files, sources)
        except Refused as error:
            problem = Problem(status=error.status, title=error.title, detail=error.detail)
            return RefuseBundle(project_id=project_id, problem=problem)
        async with asyncio.timeout(_STORE_DEADLINE):
            sha256, size = await self.store.put(zip_stream(files))
        entries = tuple(file.entry() for file in files)
        return RecordBundle(project_id=project_id, sources=sources, sha256=sha256, size=size, files=entries)

    def _files(self, sources: Sources) -> list[BundleFile]:
        return files_of(sources, documents_of(sources, self.templates))

    async def _state(self, project_id: UUID) -> Project:
        """Return the project as the log has it now; waits while PostgreSQL is away."""
        while True:
            try:
                events = await load(self.pool, {project_id: 0})
            except UNAVAILABLE as error:
                log.warning("bundle_waits_for_postgresql", error=type(error).__name__)
                await asyncio.sleep(_RETRY)
                continue
            state = Project()
            for event in events:
                state = evolve(state, event.payload)
            return state
