"""Takes `generate_artifacts` and `project_completed` from its queue; answers when the bundle is named in the log.

A delivery is built by one of a few builders and then recorded by the batch loop, which answers, acknowledges and
deduplicates it by its message id. What cannot be built for a fault of ours, or of the store, goes back to the bus.
"""

import asyncio
from dataclasses import replace
from typing import Final

import structlog

from baton_artifacts.bundle import Bundler
from baton_artifacts.decide import RecordBundle, RefuseBundle, record, refuse, result_of
from baton_contracts.commands import GenerateArtifacts
from baton_contracts.events import ProjectCompleted
from baton_contracts.project import Project
from baton_contracts.routes import ARTIFACTS
from baton_runtime.blobs import BlobStore
from baton_runtime.bus import Delivery
from baton_runtime.definitions import find_core, load_definitions
from baton_runtime.host import Host
from baton_runtime.loop import Decision, Loop
from baton_runtime.messages import Inbound, MalformedMessage, inbound_of

log = structlog.get_logger("baton.artifacts")
_PREFETCH: Final = 32
_BUILDERS: Final = 4
_PAUSE: Final = 1.0  # seconds before a delivery goes back: an outage must not use up its deliveries at once


def decide(state: Project, inbound: Inbound) -> Decision:
    """Decide what building came to; whoever asked for the bundle is told how many files it has."""
    match inbound.what:
        case RecordBundle() as built:
            return Decision(record(state, built), result_of(built))
        case RefuseBundle() as refused:
            raise refuse(refused)
        case other:
            raise MalformedMessage(f"The artifacts service records no {type(other).__name__}")


class ArtifactsService:
    """Bundles."""

    name = ARTIFACTS

    async def run(self, host: Host) -> None:
        """Serve until cancelled."""
        templates = load_definitions(find_core(host.settings.core_path)).definitions.templates
        bundler = Bundler(host.pool, BlobStore(host.settings.bundle_store()), templates)
        loop = Loop(ARTIFACTS, host.pool, host.appender, decide)
        deliveries: asyncio.Queue[Delivery] = asyncio.Queue()
        await host.bus.declare([ARTIFACTS])
        await host.bus.consume(ARTIFACTS, deliveries.put_nowait, prefetch=_PREFETCH)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(loop.run())
            for _ in range(_BUILDERS):
                tasks.create_task(_build_all(deliveries, bundler, loop))


async def _build_all(deliveries: "asyncio.Queue[Delivery]", bundler: Bundler, loop: Loop) -> None:
    """Build one delivery after the other, for ever, and hand each to the loop."""
    while True:
        delivery = await deliveries.get()
        try:
            loop.put(await _built(delivery, bundler))
        except MalformedMessage as error:
            log.warning("malformed_message", reason=str(error))
            delivery.reject(str(error))
        except Exception as error:
            log.exception("bundle_failed", message_id=str(delivery.message.id))
            await asyncio.sleep(_PAUSE)
            delivery.reject(type(error).__name__)


async def _built(delivery: Delivery, bundler: Bundler) -> Inbound:
    """Return the delivery with what building came to in the place of what was asked."""
    inbound = inbound_of(delivery)
    if not isinstance(inbound.what, GenerateArtifacts | ProjectCompleted):
        raise MalformedMessage(f"The artifacts service takes no {delivery.message.type}")
    return replace(inbound, what=await bundler.build(inbound.project_id))
