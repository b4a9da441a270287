"""The gateways that are measured, each a resident: one alone, or one with all that decides, without who works."""

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from baton_artifacts.service import ArtifactsService
from baton_gateway.service import GatewayService
from baton_hitl.service import HitlService
from baton_orchestrator.service import OrchestratorService
from baton_runtime import collector
from baton_runtime.bus import MemoryBus
from baton_runtime.host import Service, open_host, run_until
from baton_runtime.settings import Settings
from bench.openfiles import allow_sockets

_CORE: Final = Path(__file__).parents[2] / ".bmad-core"
_READY: Final = 30.0


class Gateway:
    """A gateway on a database, which projects as well."""

    def __init__(self, dsn: str, sockets: int = 0) -> None:
        self._dsn = dsn
        self._sockets = sockets
        self._directory = Path(tempfile.mkdtemp(prefix="baton-bench-"))
        self._stack = AsyncExitStack()
        self._gateway = GatewayService()

    def services(self) -> list[Service]:
        """Return the services that run beside it."""
        return []

    async def serve(self) -> str:
        """Serve from now on; return the URL."""
        allow_sockets(self._sockets)
        collector.calm()
        open_to_all: dict[str, Any] = {"auth": "off", "requests_per_second": 0, "max_sockets": max(self._sockets, 1)}
        settings = Settings(port=0, data_dir=self._directory, core_path=_CORE, **open_to_all)
        host = await self._stack.enter_async_context(open_host(settings, self._dsn, MemoryBus()))
        stop = asyncio.Event()
        running = asyncio.create_task(run_until(stop, host, [self._gateway, *self.services()]))
        self._stack.push_async_callback(_end, stop, running)
        ready = asyncio.create_task(self._gateway.ready.wait())
        await asyncio.wait([running, ready], timeout=_READY, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        assert ready.done(), "the gateway was not ready in time"
        return self._gateway.url

    async def show(self) -> None:
        """Wait until the tables show the whole log."""
        gateway = self._gateway.gateway
        assert gateway
        head: int = await gateway.host.pool.fetchval("SELECT position FROM log_head")
        assert await gateway.freshness.wait(head, timeout=120), "the projector did not get there"

    async def close(self) -> None:
        """Stop and leave nothing behind."""
        await self._stack.aclose()
        shutil.rmtree(self._directory, ignore_errors=True)


async def _end(stop: asyncio.Event, running: asyncio.Task[None]) -> None:
    stop.set()
    await running


class OneProcess(Gateway):
    """One-process mode with the runners stopped."""

    def services(self) -> list[Service]:
        """Return all but the agent-runner."""
        return [OrchestratorService(), HitlService(), ArtifactsService()]
