"""Serves REST and `/ws`; one gateway of all also keeps the tables up to date."""

import asyncio
from functools import partial

from baton_contracts import parts
from baton_contracts.routes import SERVICE_QUEUES
from baton_eventlog.leader import lead
from baton_gateway.app import build_app
from baton_gateway.doorway import open_door, opened_tokens
from baton_gateway.freshness import Freshness
from baton_gateway.project_reading import ProjectReader
from baton_gateway.projection import project
from baton_gateway.route import Gateway
from baton_gateway.server import listening
from baton_gateway.sockets import Sockets
from baton_gateway.tokens import Tokens
from baton_runtime.blobs import BlobStore
from baton_runtime.definitions import CoreNotFoundError, find_core, load_definitions
from baton_runtime.host import Host, NotStarted


class GatewayService:
    """The front door. `ready` is set when it serves, at `url`; then `gateway` is what its handlers stand on."""

    name = "gateway"

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.url = ""
        self.gateway: Gateway | None = None

    async def run(self, host: Host) -> None:
        """Serve until cancelled. Raises `NotStarted` where there are no definitions, or the address cannot be had."""
        await host.bus.declare(SERVICE_QUEUES)
        async with opened_tokens(host.settings) as tokens:
            await self._serve(host, _open(host, tokens))

    async def _serve(self, host: Host, gateway: Gateway) -> None:
        self.gateway = gateway
        settings, app = host.settings, build_app(gateway)
        limits = settings.header_seconds, settings.max_connections
        async with listening(app, settings.host, settings.port, *limits) as serving:
            self.url = serving.url
            await host.bus.listen(parts.TOPIC, gateway.sockets.hear)
            self.ready.set()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(serving.watch())
                tasks.create_task(gateway.freshness.run())
                tasks.create_task(gateway.sockets.run())
                tasks.create_task(gateway.sockets.rights.run())
                tasks.create_task(lead(host.dsn, "projector", partial(project, host, gateway.freshness)))


def _open(host: Host, tokens: Tokens | None) -> Gateway:
    try:
        core = find_core(host.settings.core_path)
    except CoreNotFoundError as error:
        raise NotStarted(str(error)) from error
    freshness = Freshness(host.pool)
    return Gateway(
        host=host,
        blobs=BlobStore(host.settings.bundle_store()),
        definitions=load_definitions(core).definitions,
        freshness=freshness,
        projects=ProjectReader(host.pool),
        sockets=Sockets(host, freshness),
        door=open_door(host, tokens),
    )
