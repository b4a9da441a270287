"""Parts of a message that is still being written: heard by whoever is live, before the message, and never again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from structlog.testing import capture_logs

from baton_agent_runner.model import Answer, ModelRefused, Question, Say
from baton_agent_runner.service import Runner
from baton_contracts import events as e
from baton_contracts.handoffs import SoftwareSpecification
from baton_contracts.parts import TOPIC, MessagePart
from baton_contracts.routes import agent_queue
from baton_runtime.bus import Bus, RabbitBus
from baton_runtime.definitions import load_definitions
from baton_runtime.host import Host
from support.stage import CORE, Stage, stage
from support.waiting import until

PARTS = ["Once ", "upon ", "a time"]
WHOLE = "".join(PARTS)
SPECIFICATION = SoftwareSpecification(
    requirements=["one"], user_stories=["two"], high_level_features=["three"], core_idea="An idea"
)


@dataclass
class Storyteller:
    """A model that waits for its cue, tells its message in parts, and answers when these were heard."""

    cue: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    says: list[Say] = field(default_factory=list)
    stopped: bool = False
    parts: list[str] = field(default_factory=lambda: list(PARTS))
    provider: str = "test"
    name: str = "storyteller"

    async def answer(self, question: Question, say: Say) -> Answer:
        if question.output_type != "software_specification":
            raise ModelRefused("That was all")
        self.says.append(say)
        try:
            await self.cue.wait()
            for part in self.parts:
                say(part)
            await self.heard.wait()
        except asyncio.CancelledError:
            self.stopped = True
            raise
        return Answer(SPECIFICATION, {}, WHOLE, self.provider, self.name, input_tokens=1, output_tokens=2)


@contextlib.asynccontextmanager
async def telling(on: Stage, model: Storyteller, bus: Bus) -> AsyncIterator[str]:
    """Have a runner on this bus at work on a new project; give the project's id once the model was asked."""
    running = asyncio.create_task(run(replace(on.host, bus=bus), model))
    try:
        created = await on.post("/api/v1/projects", {"product_idea": "Tales", "workflow_id": "prototype"}, status=201)
        await until(lambda: bool(model.says))
        await on.shown()
        yield created["project_id"]
    finally:
        running.cancel()
        await asyncio.wait([running])


async def run(host: Host, model: Storyteller) -> None:
    """Run a runner on this model until cancelled."""
    definitions = load_definitions(CORE).definitions
    async with asyncio.TaskGroup() as tasks:
        one = Runner(host, definitions, model, tasks)
        consumers = [await host.bus.consume(agent_queue(agent), one.take, prefetch=4) for agent in definitions.agents]
        tasks.create_task(one.calls.watch(host.pool))
        try:
            await one.loop.run()
        finally:
            for consumer in consumers:
                await consumer.cancel()


@contextlib.asynccontextmanager
async def listening(on: Stage, path: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Open a socket that is live."""
    async with on.client.ws_connect(path) as socket:
        while (await socket.receive_json(timeout=10))["event_type"] != "caught_up":
            pass
        yield socket


async def frames(socket: aiohttp.ClientWebSocketResponse, **last: object) -> list[dict[str, Any]]:
    """Give the frames up to the first with these values."""
    found: list[dict[str, Any]] = []
    while not found or not last.items() <= found[-1].items():
        found.append(await socket.receive_json(timeout=10))
    return found


def texts(found: list[dict[str, Any]]) -> list[str]:
    return [frame["message"] for frame in found if frame.get("partial")]


def part(project_id: UUID, text: str) -> MessagePart:
    now = datetime.fromisoformat("2026-01-02T03:04:05.678901+00:00")
    return MessagePart(
        project_id=project_id, task_id=UUID(int=1), agent_type="coder", attempt=1, message=text, timestamp=now
    )


@pytest.fixture
async def on(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path) as open_stage:
        yield open_stage


@pytest.fixture
async def alone(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path, alone=True) as open_stage:
        yield open_stage


async def test_parts_are_heard_in_order_before_the_message_and_never_again(on: Stage) -> None:
    model = Storyteller()
    async with (
        telling(on, model, on.host.bus) as project_id,
        listening(on, "/ws?types=new_message") as everything,
        listening(on, f"/ws/{project_id}") as project,
        listening(on, "/ws?types=task_progress") as progress,
    ):
        model.heard.set()
        model.cue.set()
        for found in (await frames(everything, message=WHOLE), await frames(project, message=WHOLE)):
            assert texts(found) == PARTS
            assert found[-1]["position"]
        assert not texts(await frames(progress, progress=100))
        async with on.client.ws_connect("/ws?since=0") as resumed:
            again = await frames(resumed, event_type="caught_up")
        assert WHOLE in [frame.get("message") for frame in again]
        assert not [frame for frame in again if frame["position"] is None]
    logged = await on.host.pool.fetch("SELECT payload::text FROM event_log")
    assert not [row[0] for row in logged if f'"{PARTS[0]}"' in row[0]]


async def test_a_part_is_told_with_the_contracts_keys_and_those_that_mark_it(alone: Stage) -> None:
    project_id = uuid4()
    async with listening(alone, "/ws") as socket:
        alone.host.bus.broadcast(TOPIC, part(project_id, "Ünd ✓").model_dump_json().encode())
        assert await socket.receive_json(timeout=10) == {
            "event_type": "new_message",
            "agent_type": "coder",
            "message": "Ünd ✓",
            "timestamp": "2026-01-02T03:04:05.678901+00:00",
            "project_id": str(project_id),
            "task_id": str(UUID(int=1)),
            "position": None,
            "event_id": None,
            "partial": True,
        }


async def test_a_socket_hears_the_parts_of_its_own_project(alone: Stage) -> None:
    mine, other = uuid4(), uuid4()
    await alone.tell(mine, e.ProjectCreated(name="Mine", product_idea="An app", tenant="default"))
    async with listening(alone, f"/ws/{mine}") as socket:
        for project_id, text in ((other, "theirs"), (mine, "ours")):
            alone.host.bus.broadcast(TOPIC, part(project_id, text).model_dump_json().encode())
        assert (await socket.receive_json(timeout=10))["message"] == "ours"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", part(UUID(int=2), "").model_dump_json().encode()[:-30]])
async def test_what_is_no_part_is_logged_and_dropped(alone: Stage, body: bytes) -> None:
    async with listening(alone, "/ws") as socket:
        with capture_logs() as said:
            alone.host.bus.broadcast(TOPIC, body)
            alone.host.bus.broadcast(TOPIC, part(uuid4(), "next").model_dump_json().encode())
            assert (await socket.receive_json(timeout=10))["message"] == "next"
    assert "malformed_message_part" in [line["event"] for line in said]


async def test_a_client_that_is_behind_misses_parts_and_is_not_closed_for_them(alone: Stage) -> None:
    body = part(uuid4(), "x" * 60_000).model_dump_json().encode()
    async with listening(alone, "/ws") as slow:
        for _ in range(500):
            alone.host.bus.broadcast(TOPIC, body)
        await asyncio.sleep(0.1)
        await alone.tell(uuid4(), e.AgentMessage(task_id=uuid4(), agent_type="coder", message="At last"))
        found = await frames(slow, message="At last")
        assert 0 < len(texts(found)) < 500
        await slow.send_json({"type": "ping"})
        assert (await slow.receive_json(timeout=10))["type"] == "pong"


async def test_a_call_that_was_stopped_says_nothing_more(on: Stage) -> None:
    model, heard = Storyteller(), list[bytes]()
    await on.host.bus.listen(TOPIC, heard.append)
    async with telling(on, model, on.host.bus) as project_id:
        model.cue.set()
        await until(lambda: len(heard) == len(PARTS))
        with capture_logs() as said:
            await on.post(f"/api/v1/projects/{project_id}/cancel", {"reason": "enough"})
            await until(lambda: "work_stopped" in [line["event"] for line in said])
        assert model.stopped
        model.says[0]("too late")
        on.host.bus.broadcast(TOPIC, b"the end")
        await until(lambda: heard[-1] == b"the end")
    assert len(heard) == len(PARTS) + 1


async def test_a_part_that_is_no_text_is_lost_and_the_message_comes(on: Stage) -> None:
    model = Storyteller(parts=["before", "", "half a \ud83d", "after"])
    model.heard.set()
    async with telling(on, model, on.host.bus), listening(on, "/ws?types=new_message") as socket:
        model.cue.set()
        assert texts(await frames(socket, message=WHOLE)) == ["before", "after"]


@pytest.mark.rabbitmq
async def test_parts_go_over_the_broker_from_the_runner_to_the_gateway(
    database: str, vhost: str, tmp_path: Path
) -> None:
    model, bus = Storyteller(), RabbitBus(vhost, name="runner")
    async with stage(database, tmp_path, bus=RabbitBus(vhost, name="others")) as on:
        await bus.start()
        async with telling(on, model, bus), listening(on, "/ws?types=new_message") as socket:
            model.cue.set()
            found = await frames(socket, message=PARTS[-1])
            assert texts(found) == PARTS
            model.heard.set()
            assert not texts(await frames(socket, message=WHOLE))
        await bus.close()
