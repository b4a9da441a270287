"""Baton's services as real processes, and a user who talks to them over HTTP."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

Json = dict[str, Any]
QUICK = "prototype"  # the workflow without gates
IDEA = "Track plants with a watering day"


def free_port() -> int:
    """Return a port that nobody listens on right now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class Processes:
    """Programs started by one test, their output in files of its directory."""

    directory: Path
    environment: Mapping[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `python -m ...` with the test's settings."""
        with (self.directory / f"{len(self.running)}-{arguments[0]}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=os.environ | self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.running.append(process)
        return process

    def stop(self) -> list[int]:
        """End all in good order; return their exit statuses."""
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        try:
            return [process.wait(15) for process in self.running]
        finally:
            for process in self.running:
                process.kill()

    def output(self) -> str:
        """Return what they wrote."""
        return "\n".join(f"--- {path.name}\n{path.read_text()}" for path in sorted(self.directory.glob("*.log")))


@dataclass
class User:
    """A client of a gateway who waits for things to happen, each with a deadline."""

    url: str
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """Call the API; expect success."""
        async with self.session.request(method, f"{self.url}/api/v1{path}", json=body) as response:
            answer: Json = await response.json(content_type=None)
            assert response.ok, (response.status, answer)
            return answer

    async def ready(self, deadline: float = 30) -> None:
        """Wait until the gateway and what it needs are well."""
        end = time.monotonic() + deadline
        while True:
            try:
                async with self.session.get(f"{self.url}/healthz") as response:
                    if response.ok:
                        return
                    seen = await response.text()
            except aiohttp.ClientError as error:
                seen = repr(error)
            assert time.monotonic() < end, f"not ready: {seen}"
            await asyncio.sleep(0.05)

    async def create(self, idea: str = IDEA, **fields: str) -> str:
        """Create a project; return its id."""
        created = await self.ask("POST", "/projects", {"product_idea": idea, **fields})
        return str(created["project_id"])

    async def approve_all(self, project_id: str) -> None:
        """Approve what waits for a person."""
        found = await self.ask("GET", f"/hitl/project/{project_id}/requests")
        for request in found["requests"]:
            if request["status"] == "pending":
                await self.ask("POST", f"/hitl/{request['request_id']}/respond", {"action": "approve"})

    async def finished(self, project_id: str, deadline: float = 60) -> Json:
        """Approve every gate until the project has ended and its bundle is there; return the project."""
        end = time.monotonic() + deadline
        while True:
            completion = await self.ask("GET", f"/projects/{project_id}/completion")
            project = await self.ask("GET", f"/projects/{project_id}")  # after it, so that it shows the bundle too
            if project["status"] == "failed" or completion["artifacts_available"]:
                return project
            assert time.monotonic() < end, f"not finished: {project['status']}, {project['tasks']}"
            await self.approve_all(project_id)
            await asyncio.sleep(0.05)

    async def download(self, project_id: str, target: Path) -> Path:
        """Save the bundle."""
        async with self.session.get(f"{self.url}/api/v1/artifacts/{project_id}/download") as response:
            assert response.ok, await response.text()
            target.write_bytes(await response.read())
        return target


def run_own_tests(bundle: Path, folder: Path) -> str:
    """Unpack a bundle and run its own tests, as its user would; return what they said, expecting that all pass."""
    with zipfile.ZipFile(bundle) as opened:
        opened.extractall(folder)
    ran = subprocess.run(
        [sys.executable, "-m", "unittest"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stderr
