"""Cleans up the old bundles of all projects, or of one tenant's, a few projects at a time, and records the sum.

Invariants: the moment before which a bundle is old, and the log's head then, are settled first, under an id that
follows from the command's; every project is cleaned under an id of its own; the sum is read from the log after that
head. So a sweep that was interrupted goes on where it was, and its answer counts what was cleaned before.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from baton_artifacts.cleaning import Cleaner, answer_again
from baton_artifacts.decide import BeginSweep, RecordSweep
from baton_artifacts.reading import is_settled, rows
from baton_contracts.commands import CleanArtifacts, CleanOldArtifacts, Command, CommandReply
from baton_contracts.ids import SYSTEM_STREAM, derive_id
from baton_eventlog.blobs import BlobMissing
from baton_runtime.messages import Inbound

log = structlog.get_logger("baton.sweep")
_PAGE: Final = 100
_AT_A_TIME: Final = 4


@dataclass(frozen=True, slots=True)
class Sweep:
    """An order to clean up old bundles, and what it takes: the tables to find projects in, who cleans a project."""

    pool: asyncpg.Pool
    cleaner: Cleaner
    inbound: Inbound
    id: UUID
    order: CleanOldArtifacts

    async def run(self) -> CommandReply:
        """Do what was asked and return the answer. Raises an `ExceptionGroup` of what cleaning a project may."""
        if await is_settled(self.pool, self.id):
            return await answer_again(self.cleaner.ask, self.inbound)
        begun = await self._begin()
        if begun.result is None:
            return begun
        await self._clean_all(datetime.fromisoformat(str(begun.result["before"])))
        ((files, freed),) = await rows(self.pool, "cleaned", begun.position, self.id)
        return await self._record(
            self.id,
            RecordSweep(
                project_id=SYSTEM_STREAM,
                max_age_hours=self.order.max_age_hours,
                cleaned_files=files,
                freed_bytes=freed,
            ),
        )

    async def _begin(self) -> CommandReply:
        """Settle what counts as old; a repeat gets the moment, and the position, of the first try."""
        ((now,),) = await rows(self.pool, "now")
        begin = BeginSweep(project_id=SYSTEM_STREAM, max_age_hours=self.order.max_age_hours, now=now)
        return await self._record(derive_id(self.id, "begin"), begin)

    async def _record(self, message_id: UUID, what: Command) -> CommandReply:
        return (await self.cleaner.ask(replace(self.inbound, id=message_id, what=what, delivery=None))).reply

    async def _clean_all(self, before: datetime) -> None:
        turns, after = asyncio.Semaphore(_AT_A_TIME), UUID(int=0)
        while page := await rows(self.pool, "old_bundles", before, self.order.tenant, after, _PAGE):
            async with asyncio.TaskGroup() as tasks:
                for row in page:
                    tasks.create_task(self._clean(row["id"], before, turns))
            after = page[-1]["id"]

    async def _clean(self, project_id: UUID, before: datetime, turns: asyncio.Semaphore) -> None:
        command_id, what = derive_id(self.id, f"clean:{project_id}"), CleanArtifacts(project_id=project_id)
        inbound = replace(self.inbound, id=command_id, project_id=project_id, what=what)
        try:
            async with turns:
                await self.cleaner.clean(inbound, before=before)
        except BlobMissing as error:  # one that cannot be read must not keep the others
            log.error("project_unreadable", project_id=str(project_id), reason=str(error))  # noqa: TRY400 - a traceback tells no more
