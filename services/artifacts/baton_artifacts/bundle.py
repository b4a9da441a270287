"""Builds a project's bundle and puts it into the object store, before anybody says that it is there.

A crash in between leaves a blob that nothing names. Bundles are reproducible, so building again heals a store
that lost one.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg

from baton_artifacts.decide import RecordBundle, RefuseBundle, Sources, named, sources_of
from baton_artifacts.documents import documents_of
from baton_artifacts.manifest import BundleFile, files_of
from baton_artifacts.reading import events_of, folded
from baton_artifacts.zip import zip_stream
from baton_contracts.commands import Problem, Refused
from baton_contracts.definitions import Template
from baton_runtime.blobs import BlobStore
from baton_runtime.loop import seen_by
from baton_runtime.messages import Inbound

_STORE_DEADLINE: Final = 120.0


@dataclass(frozen=True, slots=True)
class Bundler:
    """What building needs: the log to read, the store to write, the templates of the documents."""

    pool: asyncpg.Pool
    store: BlobStore
    templates: Mapping[str, Template]

    async def build(self, inbound: Inbound) -> RecordBundle | RefuseBundle:
        """Return what to record about a project's bundle, which is in the store by then, or why there is none.

        Of another tenant's project there is none, as of one that does not exist, and nothing is built.
        Raises `BlobsUnavailable`, or `TimeoutError` when the store took longer than two minutes.
        """
        project_id = inbound.project_id
        try:
            state = seen_by(inbound, folded(await events_of(self.pool, project_id)))
            sources = sources_of(project_id, state)
            files = await asyncio.to_thread(self._files, sources)
        except Refused as error:
            problem = Problem(status=error.status, title=error.title, detail=error.detail)
            return RefuseBundle(project_id=project_id, problem=problem)
        async with asyncio.timeout(_STORE_DEADLINE):
            sha256, size = await self.store.put(zip_stream(files))
        entries = tuple(file.entry() for file in files)
        return RecordBundle(
            project_id=project_id,
            sources=sources,
            sha256=sha256,
            size=size,
            files=entries,
            was_named=sha256 in named(state),
        )

    def _files(self, sources: Sources) -> list[BundleFile]:
        return files_of(sources, documents_of(sources, self.templates))
