"""The artifacts service on a host of its own: what it is sent, what it writes and what it stores."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID, uuid4

from baton_artifacts.service import ArtifactsService
from baton_contracts.commands import Command, CommandReply, GenerateArtifacts
from baton_contracts.events import ArtifactsGenerated, Event, Payload
from baton_contracts.routes import ARTIFACTS
from baton_eventlog.reader import load
from baton_runtime.bus import MemoryBus
from baton_runtime.host import Host, open_host
from baton_runtime.messages import command_message
from baton_runtime.settings import Settings
from support.bundles import PROJECT, finished
from support.logs import command

RESULT: Final = {"artifacts_generated": 9, "zip_created": True, "download_available": True}
P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class Place:
    """A host on which the service runs."""

    host: Host
    folder: Path

    async def append(self, *payloads: Payload, project_id: UUID = PROJECT) -> None:
        """Write events of a project by hand."""
        await self.host.appender.append([command(project_id, *payloads)])

    async def send(self, what: Command, message_id: UUID) -> CommandReply:
        """Send a command to the service's queue and return the answer."""
        message = command_message(what, message_id, "tester")
        reply = await self.host.bus.request(ARTIFACTS, message, timeout=30)
        return CommandReply.model_validate_json(reply.body)

    async def generate(self, message_id: UUID | None = None, project_id: UUID = PROJECT) -> CommandReply:
        """Ask for a project's bundle."""
        return await self.send(GenerateArtifacts(project_id=project_id), message_id or uuid4())

    async def bundled(self, project_id: UUID = PROJECT) -> ArtifactsGenerated:
        """Make a finished project and its bundle."""
        await self.append(*finished(project_id=project_id), project_id=project_id)
        assert (await self.generate(project_id=project_id)).result == RESULT
        return (await self.bundles(project_id))[-1]

    async def events(self, project_id: UUID = PROJECT) -> list[Event]:
        """Return all events of a project."""
        return await load(self.host.pool, {project_id: 0})

    async def told(self, kind: type[P], project_id: UUID = PROJECT) -> list[P]:
        """Return the payloads of one type of a project."""
        return [event.payload for event in await self.events(project_id) if isinstance(event.payload, kind)]

    async def bundles(self, project_id: UUID = PROJECT) -> list[ArtifactsGenerated]:
        """Return what the log says of bundles."""
        return await self.told(ArtifactsGenerated, project_id)

    async def project(self) -> None:
        """Bring the tables up to the log's head."""
        shown = await self.host.pool.fetchval("SELECT max(position) FROM projects") or 0
        await self.host.pool.execute("SELECT project_range($1, position) FROM log_head", shown)

    async def unsettled(self) -> list[UUID]:
        """Return the events of completed projects that the service has not settled."""
        rows = await self.host.pool.fetch(
            "SELECT id FROM event_log l WHERE event_type = 'project_completed'"
            " AND NOT EXISTS (SELECT FROM inbox WHERE id = inbox_key($1, l.id))",
            ARTIFACTS,
        )
        return [row["id"] for row in rows]

    def blob(self, sha256: str) -> Path:
        """Return where the object store keeps a blob."""
        return self.folder / "bundles" / sha256[:2] / sha256


@contextlib.asynccontextmanager
async def served(dsn: str, folder: Path, *, replicas: int = 1) -> AsyncIterator[Place]:
    """Run the service."""
    async with open_host(Settings(data_dir=folder), dsn, MemoryBus()) as host:
        await host.bus.declare([ARTIFACTS])
        running = [asyncio.create_task(ArtifactsService().run(host)) for _ in range(replicas)]
        try:
            yield Place(host, folder)
        finally:
            for task in running:
                task.cancel()
            ended = await asyncio.gather(*running, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended
