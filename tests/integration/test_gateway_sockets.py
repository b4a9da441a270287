"""`/ws` on a real log: every frame once, in order, with exactly the contract's keys."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import WSCloseCode, WSMsgType

from baton_contracts import events as e
from baton_contracts.handoffs import HandoffSchema
from support.stage import Stage, stage
from support.waiting import until

ENVELOPE = {"event_type", "project_id", "timestamp", "position", "event_id", "part", "parts"}
KEYS = {
    "agent_status_change": {"agent_type", "data"},
    "artifact_created": {"data"},
    "workflow_event": {"data"},
    "hitl_response": {"data"},
    "agent_status_update": {"agent_type", "status"},
    "new_message": {"agent_type", "message"},
    "hitl_request": {"request_id", "task_id", "question"},
    "task_progress": {"task_id", "progress", "stage"},
}
DATA = {
    "agent_status_change": {"status", "current_task_id", "last_activity"},
    "artifact_created": {"message", "download_available", "generated_at"},
    "workflow_event": {"event", "message", "completed_at", "artifacts_generating"},
    "hitl_response": {"request_id", "action", "response", "timestamp", "responded_by"},
}


HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path, alone=True) as open_stage:
        yield open_stage


def story(project_id: UUID) -> list[e.Payload]:
    """Return a short life of a project that makes frames of all eight types."""
    task, execution, request, agent = uuid4(), uuid4(), uuid4(), "analyst"
    handoff = HandoffSchema(
        project_id=project_id, source_agent="user", target_agent=agent, handoff_type="product_idea", content={}
    )
    return [
        e.ProjectCreated(name="A", product_idea="An app", tenant="default"),
        e.WorkflowStarted(execution_id=execution, workflow_id="w", definition_hash="0", total_steps=1),
        e.TaskCreated(
            task_id=task,
            execution_id=execution,
            step_id="s",
            agent_type=agent,
            instructions="",
            output_type="software_specification",
            handoff=handoff,
        ),
        e.TaskStart(task_id=task, agent_type=agent, attempt=1, runner_id=uuid4(), message="At work"),
        e.AgentMessage(task_id=task, agent_type=agent, message="Analyzing requirements..."),
        e.TaskProgress(task_id=task, agent_type=agent, progress=50, stage="gathering_data"),
        e.HitlRequest(request_id=request, task_id=task, agent_type=agent, question="Please review the plan..."),
        e.HitlResponse(request_id=request, task_id=task, agent_type=agent, action="approved", response="Good!"),
        e.ProjectCompleted(execution_id=execution, message="Project has completed successfully"),
        e.ArtifactsGenerated(sha256="0" * 64, size=1, of_version=9, files=()),
    ]


def said(text: str = "hello") -> e.AgentMessage:
    return e.AgentMessage(task_id=uuid4(), agent_type="analyst", message=text)


async def frames(socket: aiohttp.ClientWebSocketResponse, last: str = "artifact_created") -> list[dict[str, Any]]:
    """Give the frames up to the first of type `last`."""
    found: list[dict[str, Any]] = []
    while not found or found[-1]["event_type"] != last:
        found.append(await socket.receive_json(timeout=10))
    return found


@contextlib.asynccontextmanager
async def listening(
    api: Stage, path: str = "/ws", max_msg_size: int = 4 << 20
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Open a socket that is live."""
    async with api.client.ws_connect(path, max_msg_size=max_msg_size) as socket:
        assert (await socket.receive_json(timeout=10))["event_type"] == "caught_up"
        yield socket


async def test_every_frame_type_arrives_in_order_with_exactly_the_contracts_keys(api: Stage) -> None:
    project_id = uuid4()
    async with listening(api) as socket:
        last = await api.tell(project_id, *story(project_id))
        found = await frames(socket)
    assert {frame["event_type"] for frame in found} == set(KEYS)
    positions = [frame["position"] for frame in found]
    assert positions == sorted(positions)
    assert positions[-1] == last
    for frame in found:
        name = frame["event_type"]
        assert frame.keys() == ENVELOPE | KEYS[name]
        assert frame.get("data", {}).keys() == DATA.get(name, set())
        assert frame["project_id"] == str(project_id)
        assert datetime.fromisoformat(frame["timestamp"]).tzinfo


async def test_a_frame_is_sent_when_the_tables_show_what_it_tells_of(api: Stage) -> None:
    async with listening(api) as socket:
        for _ in range(20):
            project_id = uuid4()
            telling = asyncio.create_task(api.tell(project_id, *story(project_id)))
            (frame, *_) = await frames(socket)
            assert frame["event_type"] == "workflow_event"
            assert (await api.get(f"/api/v1/projects/{project_id}"))["status"] == "completed"
            await telling


async def test_a_socket_of_one_project_hears_of_that_project_alone(api: Stage) -> None:
    mine, other = uuid4(), uuid4()
    created = e.ProjectCreated(name="Mine", product_idea="An app", tenant="default")
    await api.tell(mine, created)
    async with listening(api, f"/ws?project_id={mine}") as socket, listening(api) as all_of_it:
        await api.tell(other, *story(other))
        await api.tell(mine, *story(mine))
        assert {frame["project_id"] for frame in await frames(socket)} == {str(mine)}
        assert {frame["project_id"] for frame in await frames(all_of_it)} == {str(other)}


async def test_a_ping_is_answered_with_the_position_to_resume_from(api: Stage) -> None:
    async with listening(api) as socket:
        await socket.send_json({"type": "ping"})
        assert await socket.receive_json(timeout=5) == {"type": "pong", "position": await api.head()}


async def test_what_cannot_be_understood_is_told_and_the_socket_goes_on(api: Stage) -> None:
    async with listening(api) as socket:
        for text in (
            "",
            "nonsense",
            "[]",
            "1",
            '{"type": "dance"}',
            '{"type": []}',
            '{"type": "ping", "more": 1}',
            '{"type": "subscribe", "types": ["no_such_type"]}',
            '{"type": "subscribe", "since": -1}',
            '{"type": "subscribe", "since": 1.5}',
            '{"type": "subscribe", "project_id": "no-id"}',
            "{" * 999,
        ):
            await socket.send_str(text)
            assert (await socket.receive_json(timeout=5))["type"] == "error"
        await socket.send_bytes(b"\x00\xff")
        assert (await socket.receive_json(timeout=5))["type"] == "error"
        await socket.send_json({"type": "ping"})
        assert (await socket.receive_json(timeout=5))["type"] == "pong"


async def test_too_large_a_message_closes_that_socket_alone(api: Stage) -> None:
    async with listening(api) as socket, listening(api) as neighbour:
        await socket.send_str("x" * (17 << 10))
        closing = await socket.receive(timeout=5)
        assert (closing.type, closing.data) == (WSMsgType.CLOSE, WSCloseCode.MESSAGE_TOO_BIG)
        await api.tell(uuid4(), said())
        assert (await neighbour.receive_json(timeout=5))["message"] == "hello"


async def test_a_gateway_that_stops_says_that_it_goes_away(database: str, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as after:
        session = await after.enter_async_context(aiohttp.ClientSession())
        async with stage(database, tmp_path, alone=True) as api:
            socket = await session.ws_connect(f"{api.url}/ws")
            await socket.receive(timeout=10)
            hearing = asyncio.create_task(socket.receive(timeout=10))
        closing = await hearing
    assert (closing.type, closing.data) == (WSMsgType.CLOSE, WSCloseCode.GOING_AWAY)


async def test_a_client_that_does_not_read_is_closed_with_1013_and_no_other_notices(
    api: Stage,
) -> None:
    loud = [said("x" * 100_000) for _ in range(10)]
    async with listening(api, max_msg_size=0) as neighbour, listening(api, max_msg_size=0) as slow:
        hearing = asyncio.create_task(_count(neighbour, 250))
        for _ in range(25):
            await api.tell(uuid4(), *loud)
        assert await hearing == 250
        closing = await _last(slow)
        assert (closing.type, closing.data) == (WSMsgType.CLOSE, WSCloseCode.TRY_AGAIN_LATER)
        await until(lambda: slow.closed)


async def test_a_client_that_never_reads_is_cut_off(api: Stage) -> None:
    url = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(HANDSHAKE)
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 101")
    for _ in range(25):
        await api.tell(uuid4(), *[said("x" * 100_000) for _ in range(10)])
    await asyncio.sleep(5.5)  # what it takes at most to say goodbye
    async with asyncio.timeout(10):
        heard = await reader.read()
    assert b"too slow" not in heard[-200:]  # the goodbye never left: the connection was cut with it in the buffer
    writer.close()


async def _count(socket: aiohttp.ClientWebSocketResponse, wanted: int) -> int:
    for _ in range(wanted):
        await socket.receive_json(timeout=20)
    return wanted


async def _last(socket: aiohttp.ClientWebSocketResponse) -> aiohttp.WSMessage:
    while (message := await socket.receive(timeout=20)).type is WSMsgType.TEXT:
        pass
    return message
