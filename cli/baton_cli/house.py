"""All of Baton in one process: embedded PostgreSQL, the bus in memory, the five services on one host.

`BATON_DATABASE_URL` and `BATON_AMQP_URL` put real ones in their place; nothing else differs. PostgreSQL is started
first and stopped last. Who may come in is decided in between, when there are keys to be looked for. When a service
fails, `House.beside` raises its error and the house is closed.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from baton_cli import admission
from baton_cli.interrupt import to_the_end
from baton_cli.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from baton_gateway.service import GatewayService
    from baton_runtime.host import Host, Service
    from baton_runtime.settings import Settings

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class House:
    """A Baton that serves at `url`; the settings say whether it asks who comes in."""

    url: str
    settings: "Settings"
    serving: asyncio.Task[None]

    async def beside(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Do something while it serves. Raises what ended the services, should they end first."""
        working = asyncio.create_task(work)
        try:
            await asyncio.wait([working, self.serving], return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                self.serving.result()
            return await working
        finally:
            working.cancel()
            await asyncio.wait([working])


@contextlib.asynccontextmanager
async def open_house(settings: "Settings", *, durable: bool = True) -> AsyncIterator[House]:
    """Start everything, give the house once the gateway serves, and stop everything at the end.

    Raises `NotStarted`, `DirectoryTaken`, `EmbeddedPostgresError`, or `Trouble` where strangers would come in unasked;
    maybe within an `ExceptionGroup`.
    """
    admission.check_address(settings)
    async with _database(settings, durable=durable) as starting:
        # PostgreSQL starts in its thread while the services are imported here: side by side, so neither costs extra.
        from baton_runtime.bus import open_bus  # noqa: PLC0415
        from baton_runtime.host import open_host  # noqa: PLC0415

        gateway, services = _services()
        amqp_url = settings.amqp_url.get_secret_value() if settings.amqp_url else None
        dsn = await starting
        async with open_host(settings, dsn, open_bus(amqp_url, name="baton")) as host:
            if amqp_url is None:
                await _forget_runners(host)
            decided = replace(host, settings=await admission.decide(settings, host.pool))
            async with _serve(decided, gateway, services) as house:
                yield house


@contextlib.asynccontextmanager
async def _database(settings: "Settings", *, durable: bool) -> AsyncIterator[Awaitable[str]]:
    """Give the DSN, once awaited, of the server in the settings or else of an embedded one, stopped at the end."""
    if settings.database_url:
        yield asyncio.sleep(0, settings.database_url.get_secret_value())
        return
    server = EmbeddedPostgres(settings.data_dir / "postgres", durable=durable)
    starting = asyncio.create_task(asyncio.to_thread(server.start))
    try:
        yield asyncio.shield(starting)
    finally:
        await asyncio.wait([starting])
        await to_the_end(server.stop)


def _services() -> "tuple[GatewayService, list[Service]]":
    from baton_agent_runner.service import AgentRunnerService  # noqa: PLC0415
    from baton_artifacts.service import ArtifactsService  # noqa: PLC0415
    from baton_gateway.service import GatewayService  # noqa: PLC0415
    from baton_hitl.service import HitlService  # noqa: PLC0415
    from baton_orchestrator.service import OrchestratorService  # noqa: PLC0415

    gateway = GatewayService()
    return gateway, [OrchestratorService(), AgentRunnerService(), ArtifactsService(), HitlService(), gateway]


async def _forget_runners(host: "Host") -> None:
    """With the bus in memory this process is all there is: every runner of earlier ones is dead, at once."""
    from baton_eventlog.sql import QUERIES  # noqa: PLC0415

    await host.pool.execute(QUERIES["forget_runners"])


@contextlib.asynccontextmanager
async def _serve(host: "Host", gateway: "GatewayService", services: "list[Service]") -> AsyncIterator[House]:
    from baton_runtime.host import run_until  # noqa: PLC0415

    stop = asyncio.Event()
    serving = asyncio.create_task(run_until(stop, host, services))
    try:
        ready = asyncio.create_task(gateway.ready.wait())
        await asyncio.wait([ready, serving], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if serving.done():
            serving.result()
        yield House(gateway.url, host.settings, serving)
    finally:
        stop.set()
        await serving
