"""Removes a project's bundles, all or the old ones, from the object store, and says so after.

Bundles are derived: what one is made of stays in the log, so it can be generated again, byte for byte. Blobs that
events name for their large parts (`log_blobs`) are of the log itself and are never touched.

Invariants: a message that was settled deletes nothing, nor does one about another tenant's project; what is deleted,
counted and recorded is what the log names, not what the store still holds, so a repeat after a crash in between gives
the same answer. One cleaner at a time works on a project, in this process. Replicas and builders may overlap: then a
bundle that was made again in that moment can be named without its ZIP, which a download tells (404) and the next
`generate_artifacts` heals.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

import asyncpg

from baton_artifacts.decide import AnswerAgain, RecordCleaning, Stale, named
from baton_artifacts.reading import events_of, folded, is_settled
from baton_contracts.commands import CommandReply
from baton_contracts.events import ArtifactsGenerated, Event
from baton_runtime.blobs import BlobStore
from baton_runtime.loop import Settled, seen_by
from baton_runtime.messages import Inbound

_STORE_DEADLINE: Final = 60.0
_TRIES: Final = 3
Ask = Callable[[Inbound], Awaitable[Settled]]


@dataclass(frozen=True, slots=True)
class Cleaner:
    """What cleaning needs: the log to read, the store to delete from, the loop to record with."""

    pool: asyncpg.Pool
    store: BlobStore
    ask: Ask
    locks: WeakValueDictionary[UUID, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def clean(self, inbound: Inbound, *, before: datetime | None = None) -> CommandReply:
        """Remove the bundles of a command's project, only those made `before` if that is given; return the answer.

        Raises `BlobsUnavailable`, `TimeoutError` when the store took longer than a minute, `Stale` when the project's
        bundles changed each time, `BlobMissing` when the log cannot be read.
        """
        lock = self.locks.setdefault(inbound.project_id, asyncio.Lock())
        async with lock:
            for _ in range(_TRIES):
                with contextlib.suppress(Stale):
                    return await self._clean(inbound, before)
        raise Stale("The project's bundles changed each time they were removed; they are removed again later")

    async def _clean(self, inbound: Inbound, before: datetime | None) -> CommandReply:
        if await is_settled(self.pool, inbound.id):
            return await answer_again(self.ask, inbound)
        events = await events_of(self.pool, inbound.project_id)
        state = seen_by(inbound, folded(events))
        kept = _made_since(before, events) if before else set[str]()
        bundles = {sha256: size for sha256, size in named(state).items() if sha256 not in kept}
        if before and not bundles:
            return CommandReply()
        await self._delete(bundles)
        what = RecordCleaning(project_id=inbound.project_id, bundles=bundles, standing=state.bundles)
        return (await self.ask(replace(inbound, what=what, delivery=None))).reply

    async def _delete(self, hashes: Iterable[str]) -> None:
        async with asyncio.timeout(_STORE_DEADLINE):
            for sha256 in hashes:
                await self.store.delete(sha256)


async def answer_again(ask: Ask, inbound: Inbound) -> CommandReply:
    """Return the stored answer of a message that was settled, or the refusal of another request with its key."""
    return (await ask(replace(inbound, what=AnswerAgain(project_id=inbound.project_id), delivery=None))).reply


def _made_since(moment: datetime, events: Sequence[Event]) -> set[str]:
    """Return the hashes of the bundles made since: an older bundle of equal content is the same file, and stays."""
    return {
        event.payload.sha256
        for event in events
        if isinstance(event.payload, ArtifactsGenerated) and event.timestamp >= moment
    }
