"""What should be out there is derived from the log and sent again: a wiped bus, a killed process lose nothing.

Outstanding is an event that is routed to a consumer whose inbox does not hold it. The first look of a new leader
sends all of it at once; later an event is sent again when it has been outstanding for `PATIENCE` seconds, then
after twice that, and so on up to `LONGEST`, so that a deep backlog is not multiplied.

A working task is orphaned when its runner has no heartbeat row: runners delete theirs when they stop, and the
watch deletes it when the counter has not moved for `SILENCE` seconds of reads that succeeded. Each look goes on after
the last task of the one before, so that no task is kept waiting by others, whatever keeps those from being replaced.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from baton_contracts.commands import ReplaceRunner
from baton_contracts.routes import CONSUMERS
from baton_eventlog.database import UNAVAILABLE
from baton_eventlog.reader import batches_of
from baton_eventlog.sql import QUERIES
from baton_orchestrator.relay import CHECKPOINT, publish
from baton_runtime.host import Host
from baton_runtime.loop import Loop
from baton_runtime.messages import Inbound

log = structlog.get_logger("baton.reconciler")
PATIENCE: Final = 10.0
LONGEST: Final = 60.0
SILENCE: Final = 4.0
_PERIOD: Final = 1.0
_LIMIT: Final = 1000
_SETTLED: Final = "settled"
_ORDERED: Final = ("project_id", "task_id", "attempt", "runner_id")
KEPT: Final = timedelta(days=7)
_PRUNE_PERIOD: Final = 600.0
_PRUNED_AT_ONCE: Final = 5000


@dataclass(slots=True)
class Backoff:
    """When each outstanding event is sent again, in seconds of the monotonic clock."""

    due: dict[UUID, tuple[float, float]] = field(default_factory=dict)

    def take_due(self, outstanding: list[UUID], now: float, first_wait: float) -> set[UUID]:
        """Return the events that are due now; forget those that are outstanding no more."""
        self.due = {event: self.due.get(event, (now + first_wait, max(first_wait, PATIENCE))) for event in outstanding}
        ready = {event for event in outstanding if self.due[event][0] <= now}
        for event in ready:
            wait = self.due[event][1]
            self.due[event] = (now + wait, min(wait * 2, LONGEST))
        return ready


@dataclass(slots=True)
class Watch:
    """Tells which runners are silent: counters, and since when each has stood still."""

    seen: dict[UUID, tuple[int, float]] = field(default_factory=dict)

    def silent(self, beats: dict[UUID, int], now: float) -> list[tuple[UUID, int]]:
        """Take one successful read of the counters; return the runners that have been still for too long."""
        self.seen = {
            runner: self.seen[runner] if self.seen.get(runner, (None, 0))[0] == counter else (counter, now)
            for runner, counter in beats.items()
        }
        return [(runner, counter) for runner, (counter, since) in self.seen.items() if now - since >= SILENCE]


@dataclass(slots=True)
class Orphans:
    """Takes the tasks that nobody works on any more in turn, some at a time; `after` is where the last look ended."""

    after: int = 0

    async def next(self, pool: asyncpg.Pool) -> list[ReplaceRunner]:
        """Return orders to dispatch the next ones again; after the last it begins anew."""
        rows = await pool.fetch(QUERIES["orphans"], self.after, _LIMIT)
        self.after = rows[-1]["position"] if len(rows) == _LIMIT else 0
        return [ReplaceRunner.model_validate({key: row[key] for key in _ORDERED}) for row in rows]


async def _ticks(period: float = _PERIOD) -> AsyncIterator[None]:
    """Tick once a period, whatever a period's work took or ran into."""
    while True:
        yield
        await asyncio.sleep(period)


async def resend(host: Host) -> None:
    """Send again what is outstanding, for ever."""
    backoff, first_wait = Backoff(), 0.0
    async for _ in _ticks():
        try:
            outstanding = await _outstanding(host)
            due = backoff.take_due([row["id"] for row in outstanding], monotonic(), first_wait)
            async for events in batches_of(host.pool, [row for row in outstanding if row["id"] in due]):
                log.info("sent_again", events=len(events), first_position=events[0].position)
                await publish(host, events)
        except UNAVAILABLE as error:
            log.warning("reconciler_waits_for_postgresql", error=type(error).__name__)
            continue
        first_wait = PATIENCE


async def _outstanding(host: Host) -> list[asyncpg.Record]:
    """Return what the relay has passed and nobody has settled; all below the first of it is done with."""
    await host.pool.execute(QUERIES["start_checkpoint"], _SETTLED)
    floor: int = await host.pool.fetchval(QUERIES["checkpoint"], _SETTLED)
    relayed: int = await host.pool.fetchval(QUERIES["checkpoint"], CHECKPOINT) or 0
    types, consumers = list(CONSUMERS), list(CONSUMERS.values())
    rows = await host.pool.fetch(QUERIES["unsettled"], types, consumers, floor, relayed, _LIMIT)
    done = rows[0]["position"] - 1 if rows else relayed
    if done > floor:
        await host.pool.execute(QUERIES["move_checkpoint"], _SETTLED, floor, done)
    return list(rows)


async def replace_runners(host: Host, loop: Loop) -> None:
    """Find silent runners and the tasks they held, and have those dispatched again, for ever."""
    watch, orphans = Watch(), Orphans()
    async for _ in _ticks():
        try:
            beats = {row["id"]: row["counter"] for row in await host.pool.fetch(QUERIES["beats"])}
            for runner, counter in watch.silent(beats, monotonic()):
                log.warning("runner_is_silent", runner_id=str(runner))
                await host.pool.execute(QUERIES["forget_runner"], runner, counter)
            for command in await orphans.next(host.pool):
                loop.put(Inbound(id=None, project_id=command.project_id, what=command))
        except UNAVAILABLE as error:
            watch = Watch()  # what could not be read says nothing about who is silent
            log.warning("reconciler_waits_for_postgresql", error=type(error).__name__)


async def prune(host: Host) -> None:
    """Forget what consumers settled more than `KEPT` ago, for ever."""
    async for _ in _ticks(_PRUNE_PERIOD):
        try:
            while await prune_some(host.pool):
                log.info("inbox_pruned", rows=_PRUNED_AT_ONCE)
        except UNAVAILABLE as error:
            log.warning("pruning_waits_for_postgresql", error=type(error).__name__)


async def prune_some(pool: asyncpg.Pool) -> bool:
    """Forget some of the oldest; tell whether there may be more."""
    deleted: str = await pool.execute(QUERIES["prune_inbox"], KEPT, _PRUNED_AT_ONCE)
    return int(deleted.removeprefix("DELETE ")) == _PRUNED_AT_ONCE
