"""A gateway on a stage of its own: the real services in this process, on a memory bus and a real PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp

from baton_artifacts.service import ArtifactsService
from baton_contracts.events import Artifact, Payload, TaskComplete, TaskStart
from baton_contracts.handoffs import ARTIFACT_TYPES, Json
from baton_contracts.rest import TaskView
from baton_eventlog.append import Append, NewEvent, Outcome
from baton_gateway.service import GatewayService
from baton_gateway.sockets import Sockets
from baton_hitl.service import HitlService
from baton_orchestrator.service import OrchestratorService
from baton_runtime.bus import Bus, MemoryBus
from baton_runtime.host import Host, Service, open_host, run_until
from baton_runtime.settings import Settings
from support.waiting import eventually, until

CORE = Path(__file__).parents[2] / ".bmad-core"


@dataclass(frozen=True, slots=True)
class Stage:
    """A host with running services, and a client of its gateway."""

    host: Host
    url: str
    client: aiohttp.ClientSession
    service: GatewayService

    @property
    def sockets(self) -> Sockets:
        """The gateway's open sockets."""
        assert self.service.gateway
        return self.service.gateway.sockets

    async def get(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        """Read a path, expecting 200; give its JSON."""
        async with self.client.get(path) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def post(self, path: str, body: object = None, *, status: int = 200, **headers: str) -> Any:  # noqa: ANN401
        """Post JSON to a path, expecting this status; give the answer's JSON."""
        async with self.client.post(path, json=body, headers=headers) as response:
            assert response.status == status, await response.text()
            return await response.json(content_type=None)

    async def head(self) -> int:
        """Give the log's head."""
        return int(await self.host.pool.fetchval("SELECT position FROM log_head"))

    async def tell(self, project_id: UUID | str, *payloads: Payload) -> int:
        """Append events by hand, wait until tables and sockets know of them, and give the last one's position."""
        events = [NewEvent.of(payload) for payload in payloads]
        append = Append(UUID(str(project_id)), consumer="test", events=events, expected=None, actor="tester")
        (outcome,) = await self.host.appender.append([append])
        assert isinstance(outcome, Outcome)
        await self.shown(outcome.position)
        await until(lambda: self.sockets.position >= outcome.position)
        return outcome.position

    async def shown(self, position: int | None = None) -> None:
        """Wait until the tables show a position, else the head."""
        checkpoint = "SELECT position >= $1 FROM checkpoints WHERE name = 'projector'"
        wanted = await self.head() if position is None else position

        async def is_shown() -> bool:
            return bool(await self.host.pool.fetchval(checkpoint, wanted))

        await eventually(is_shown)


@contextlib.asynccontextmanager
async def stage(
    dsn: str,
    data_dir: Path,
    *,
    alone: bool = False,
    bus: Bus | None = None,
    **settings: Any,  # noqa: ANN401 - any setting
) -> AsyncIterator[Stage]:
    """Run a gateway on a database, `alone` or with orchestrator, hitl and artifacts; nobody plays the agents.

    Its client sends no key (`keys.make_key` makes one for auth="on"), and may ask as much as it likes.
    """
    usual: dict[str, Any] = {"port": 0, "core_path": CORE, "auth": "off", "requests_per_second": 0}
    stop, gateway = asyncio.Event(), GatewayService()
    others: list[Service] = [] if alone else [OrchestratorService(), HitlService(), ArtifactsService()]
    async with open_host(Settings(data_dir=data_dir, **usual | settings), dsn, bus or MemoryBus()) as host:
        running = asyncio.create_task(run_until(stop, host, [gateway, *others]))
        ready = asyncio.create_task(gateway.ready.wait())
        await asyncio.wait([running, ready], timeout=30, return_when=asyncio.FIRST_COMPLETED)
        try:
            if running.done():
                running.result()
            async with aiohttp.ClientSession(gateway.url, timeout=aiohttp.ClientTimeout(20)) as client:
                yield Stage(host, gateway.url, client, gateway)
        finally:
            ready.cancel()
            stop.set()
            await running


def work(task: TaskView, kind: str, content: Json, *, awaits_review: bool = False) -> tuple[TaskStart, TaskComplete]:
    """Return what a runner says of a task that makes an artifact of a handoff type."""
    artifact = Artifact(artifact_id=uuid4(), artifact_type=ARTIFACT_TYPES[kind], handoff_type=kind, content=content)
    start = TaskStart(
        task_id=task.id, agent_type=task.agent_type, attempt=task.attempt, runner_id=uuid4(), message="At work"
    )
    complete = TaskComplete(
        task_id=task.id,
        agent_type=task.agent_type,
        attempt=task.attempt,
        message="Done",
        awaits_review=awaits_review,
        artifact=artifact,
    )
    return start, complete
