"""Takes `generate_artifacts`, `project_completed` and both clean-ups from its queue; answers when the log has it.

A delivery is worked on by one of a few builders, and what it came to is recorded by the batch loop, which deduplicates
by message id. A clean-up of all projects takes long: such deliveries have a lane of their own, one after the other.
What cannot be done for a fault of ours, or of the store, goes back to the bus.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from baton_artifacts.bundle import Bundler
from baton_artifacts.cleaning import Cleaner
from baton_artifacts.decide import (
    AnswerAgain,
    BeginSweep,
    RecordBundle,
    RecordCleaning,
    RecordSweep,
    RefuseBundle,
    old_before,
    record,
    record_cleaning,
    record_sweep,
    refuse,
    result_of,
    result_of_cleaning,
    result_of_sweep,
)
from baton_artifacts.sweep import Sweep
from baton_contracts.commands import CleanArtifacts, CleanOldArtifacts, CommandReply, GenerateArtifacts
from baton_contracts.events import ProjectCompleted
from baton_contracts.ids import SYSTEM_STREAM
from baton_contracts.project import Project
from baton_contracts.routes import ARTIFACTS
from baton_runtime.blobs import BlobStore
from baton_runtime.bus import Delivery
from baton_runtime.definitions import find_core, load_definitions
from baton_runtime.host import Host
from baton_runtime.loop import Decision, Loop
from baton_runtime.messages import Inbound, MalformedMessage, inbound_of
from baton_runtime.settling import Work, settle

_PREFETCH: Final = 32
_BUILDERS: Final = 4
_CLEAN_DEADLINE: Final = 120.0
_SWEEP_DEADLINE: Final = 600.0  # well under the half hour after which RabbitMQ takes a delivery back


def decide(state: Project, inbound: Inbound) -> Decision:
    """Decide what the work on a delivery came to, and answer whoever asked."""
    match inbound.what:
        case RecordBundle() as built:
            return Decision(record(state, built), result_of(built))
        case RefuseBundle() as refused:
            raise refuse(refused)
        case RecordCleaning() as cleaned:
            return Decision(record_cleaning(state, cleaned), result_of_cleaning(cleaned))
        case BeginSweep() as begun:
            return Decision(result={"before": old_before(begun).isoformat()})
        case RecordSweep() as swept:
            return Decision((record_sweep(swept),), result_of_sweep(swept))
        case AnswerAgain():
            return Decision()
        case other:
            raise MalformedMessage(f"The artifacts service records no {type(other).__name__}")


class ArtifactsService:
    """Bundles."""

    name = ARTIFACTS

    async def run(self, host: Host) -> None:
        """Serve until cancelled."""
        templates = load_definitions(find_core(host.settings.core_path)).definitions.templates
        store = BlobStore(host.settings.bundle_store())
        loop = Loop(ARTIFACTS, host.pool, host.appender, decide)
        workshop = Workshop(Bundler(host.pool, store, templates), Cleaner(host.pool, store, loop.ask), loop)
        builds, sweeps = asyncio.Queue[Delivery](), asyncio.Queue[Delivery]()

        def sort(delivery: Delivery) -> None:
            queue = sweeps if delivery.message.type == CleanOldArtifacts.command_type else builds
            queue.put_nowait(delivery)

        await host.bus.declare([ARTIFACTS])
        await host.bus.consume(ARTIFACTS, sort, prefetch=_PREFETCH)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(loop.run())
            tasks.create_task(_work_all(sweeps, workshop.sweep))
            for _ in range(_BUILDERS):
                tasks.create_task(_work_all(builds, workshop.work))


@dataclass(frozen=True, slots=True)
class Workshop:
    """Who works on deliveries: the bundler, the cleaner, and the loop that records what they did."""

    bundler: Bundler
    cleaner: Cleaner
    loop: Loop

    async def work(self, delivery: Delivery) -> None:
        """Build or clean up one project's bundles. Raises `MalformedMessage`, and what bundler and cleaner raise."""
        inbound = inbound_of(delivery)
        match inbound.what:
            case GenerateArtifacts() | ProjectCompleted():
                self.loop.put(replace(inbound, what=await self.bundler.build(inbound)))
            case CleanArtifacts():
                async with asyncio.timeout(_CLEAN_DEADLINE):
                    reply = await self.cleaner.clean(inbound)
                _answer(delivery, reply)
            case _:
                raise MalformedMessage(f"The artifacts service takes no {delivery.message.type}")

    async def sweep(self, delivery: Delivery) -> None:
        """Clean up the old bundles of all projects. Raises `MalformedMessage`, and what a sweep raises."""
        match inbound_of(delivery):
            case Inbound(id=UUID() as message_id, what=CleanOldArtifacts() as order) as inbound:
                inbound = replace(inbound, project_id=SYSTEM_STREAM)
                async with asyncio.timeout(_SWEEP_DEADLINE):
                    reply = await Sweep(self.cleaner.pool, self.cleaner, inbound, message_id, order).run()
                _answer(delivery, reply)
            case _:
                raise MalformedMessage("A clean-up of all projects needs an id")


async def _work_all(deliveries: asyncio.Queue[Delivery], work: Work) -> None:
    """Work on one delivery after the other, for ever."""
    while True:
        await settle(await deliveries.get(), work)


def _answer(delivery: Delivery, reply: CommandReply) -> None:
    delivery.reply(reply.model_dump_json().encode())
    delivery.ack()
