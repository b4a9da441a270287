"""Takes commands and events from its queue and decides every handoff; one replica relays the log, one seals it."""

import asyncio
from functools import partial, reduce
from typing import Final

import structlog

from baton_contracts.project import Project, evolve
from baton_contracts.routes import ORCHESTRATOR, SERVICE_QUEUES, agent_queue
from baton_eventlog.append import DataRefused
from baton_eventlog.leader import lead
from baton_eventlog.seal import seal
from baton_orchestrator.catalog import FolderCatalog
from baton_orchestrator.decide import decide
from baton_orchestrator.reconciler import prune, replace_runners, resend
from baton_orchestrator.relay import relay
from baton_orchestrator.resets import Resets
from baton_orchestrator.results import result_of
from baton_orchestrator.steps import Catalog
from baton_runtime.definitions import find_core, load_definitions
from baton_runtime.host import Host
from baton_runtime.loop import Decision, Loop
from baton_runtime.messages import Inbound

log = structlog.get_logger("baton.orchestrator")
_PREFETCH: Final = 500


def decide_with(catalog: Catalog, state: Project, inbound: Inbound) -> Decision:
    """Decide one message on these definitions."""
    origin = inbound.id or inbound.project_id
    events = decide(state, inbound.what, origin, catalog)
    return Decision(events, result_of(inbound.what, reduce(evolve, events, state)))


class OrchestratorService:
    """Projects, workflows, tasks."""

    name = ORCHESTRATOR

    async def run(self, host: Host) -> None:
        """Serve until cancelled."""
        loaded = load_definitions(find_core(host.settings.core_path))
        for error in loaded.errors:
            log.warning("definition_left_out", path=str(error.path), reason=error.reason)
        definitions = loaded.definitions
        catalog = FolderCatalog(definitions, host.pool)
        await _register(host, catalog)
        loop = Loop(ORCHESTRATOR, host.pool, host.appender, partial(decide_with, catalog), prepare=catalog.prepare)
        await host.bus.declare([*SERVICE_QUEUES, *map(agent_queue, definitions.agents)])
        async with asyncio.TaskGroup() as tasks:
            resets = Resets(host.pool, loop, catalog.agents(), tasks)
            await host.bus.consume(ORCHESTRATOR, resets.take, prefetch=_PREFETCH)
            tasks.create_task(loop.run())
            tasks.create_task(lead(host.dsn, "relay", partial(_lead, host, loop)))
            if host.settings.log_key:
                key = host.settings.log_key.get_secret_value().encode()
                tasks.create_task(lead(host.dsn, "sealer", partial(seal, host.pool, host.signal, key)))


async def _register(host: Host, catalog: FolderCatalog) -> None:
    """Keep this folder's definitions in the log. Raises `DataRefused` for one that the log cannot hold."""
    for outcome in await host.appender.append(catalog.registrations()):
        if isinstance(outcome, DataRefused):
            raise outcome


async def _lead(host: Host, loop: Loop) -> None:
    """Do what one orchestrator does for all."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay(host))
        tasks.create_task(resend(host))
        tasks.create_task(replace_runners(host, loop))
        tasks.create_task(prune(host))
