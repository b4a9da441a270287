"""`/ws` after a disconnect: each frame exactly once and in order, whatever was cut and however long ago."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest
from aiohttp import WSMsgType
from yarl import URL

from baton_contracts import events as e
from baton_contracts.frames import frames_of
from baton_eventlog.reader import read
from baton_gateway import backlog
from support.listener import Frame, Listener
from support.stage import Stage, stage
from support.waiting import until
from support.wire import Wire

CUTS = 200
RESTORED = 4409


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path, alone=True, max_sockets=1000) as open_stage:
        yield open_stage


def created() -> e.ProjectCreated:
    return e.ProjectCreated(name="A", product_idea="An app", tenant="default")


def some_events(rng: random.Random) -> list[e.Payload]:
    """Return a few events: some make four frames, some one, some none."""
    task, agent = uuid4(), "analyst"
    return rng.sample(
        [
            e.TaskStart(task_id=task, agent_type=agent, attempt=1, runner_id=uuid4(), message="At work" * 9),
            e.AgentMessage(task_id=task, agent_type=agent, message="x" * rng.randrange(1, 2000)),
            e.TaskProgress(task_id=task, agent_type=agent, progress=50, stage="gathering_data"),
            e.TaskFailed(task_id=task, agent_type=agent, attempt=1, reason="It broke"),
            created(),
        ],
        k=rng.randrange(1, 6),
    )


async def whole_log(api: Stage, project_id: UUID | None = None) -> list[tuple[int, str]]:
    """Return (position, frame type) of every frame that the log makes, in order."""
    events = await read(api.host.pool, 0, 1_000_000)
    chosen = [event for event in events if project_id in (None, event.project_id)]
    return [(event.position, frame["event_type"]) for event in chosen for frame in frames_of(event)]


def told(frames: list[Frame]) -> list[tuple[int, str]]:
    return [(frame["position"], frame["event_type"]) for frame in frames]


async def test_a_client_that_is_cut_200_times_at_random_hears_every_frame_once_and_in_order(api: Stage) -> None:
    seed = random.randrange(1 << 32)  # noqa: S311 - a seed of a test
    print(f"seed {seed}")
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    one, other = uuid4(), uuid4()
    await api.tell(one, created())
    everything, narrowed = Listener(0), Listener(0, f"/ws/{one}")
    filtered = Listener(0, types="new_message,agent_status_update")
    finished = asyncio.Event()

    async def write() -> None:
        while not finished.is_set():
            await api.tell(rng.choice((one, other)), *some_events(rng))

    async def follow(listener: Listener, cuts: int) -> None:
        async with Wire(URL(api.url)) as wire:
            for _ in range(cuts):
                wire.budget = rng.randrange(200, 12_000)
                await listener.listen(api.client, wire.url.rstrip("/"))

    writing = asyncio.create_task(write())
    listeners = (everything, narrowed, filtered)
    await asyncio.gather(*(follow(listener, CUTS // 3 + 1) for listener in listeners))
    finished.set()
    await writing
    head = await api.head()
    for listener in listeners:
        await listener.listen(api.client, api.url, until=head)
    log = await whole_log(api)
    assert told(everything.heard) == log
    assert told(narrowed.heard) == await whole_log(api, one)
    assert told(filtered.heard) == [one for one in log if one[1] in ("new_message", "agent_status_update")]
    assert len({frame["event_id"] for frame in everything.heard}) == len({position for position, _ in log})


@pytest.mark.parametrize("memory", [3, 4096])
async def test_what_was_missed_comes_from_the_log_however_long_ago(
    api: Stage, memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "PAGE", 16)
    project_id = uuid4()
    await api.tell(project_id, created())
    async with api.client.ws_connect("/ws?since=0"):
        for n in range(60):
            await api.tell(project_id if n % 3 else uuid4(), *some_events(random.Random(n)))  # noqa: S311 - the same each time
    _remember(api, memory)
    head = await api.head()
    for since in (0, 1, 15, 16, 17, head - 2, head - 1, head):
        for listener, project in ((Listener(since), None), (Listener(since, f"/ws/{project_id}"), project_id)):
            await listener.listen(api.client, api.url, until=head)
            wanted = [one for one in await whole_log(api, project) if one[0] > since]
            assert told(listener.heard) == wanted


def _remember(api: Stage, events: int) -> None:
    """Have the gateway remember so many events of those that it told."""
    recent = api.sockets.backlog._recent
    while len(recent) > events:
        recent.popleft()


async def test_the_parts_of_an_event_are_numbered_as_they_are_sent_to_this_client(api: Stage) -> None:
    start = e.TaskStart(task_id=uuid4(), agent_type="analyst", attempt=1, runner_id=uuid4(), message="At work")
    await api.tell(uuid4(), start)
    assert await _parts(api, "/ws?since=0") == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert await _parts(api, "/ws?since=0&types=new_message,task_progress") == [(1, 2), (2, 2)]
    assert await _parts(api, "/ws?since=0&types=new_message&types=task_progress") == [(1, 2), (2, 2)]
    assert await _parts(api, "/ws?since=0&types=hitl_request") == []


async def _parts(api: Stage, path: str) -> list[tuple[int, int]]:
    async with api.client.ws_connect(path) as socket:
        return [(frame["part"], frame["parts"]) for frame in await _until_caught_up(socket)]


async def _until_caught_up(socket: aiohttp.ClientWebSocketResponse) -> list[Frame]:
    frames: list[Frame] = []
    while (frame := await socket.receive_json(timeout=10))["event_type"] != "caught_up":
        frames.append(frame)
    return frames


async def test_a_caught_up_frame_tells_when_live_begins_and_of_which_log(api: Stage) -> None:
    project_id = uuid4()
    position = await api.tell(project_id, created())
    epoch = await api.host.pool.fetchval("SELECT epoch FROM log_head")
    async with api.client.ws_connect(f"/ws/{project_id}") as socket:
        frame = await socket.receive_json(timeout=10)
    assert frame == {
        "event_type": "caught_up",
        "position": position,
        "epoch": str(epoch),
        "project_id": str(project_id),
    }
    async with api.client.ws_connect(f"/ws?since={position}&epoch={epoch}") as socket:
        assert (await socket.receive_json(timeout=10))["event_type"] == "caught_up"


@pytest.mark.parametrize("query", ["since=99999", f"since=0&epoch={UUID(int=7)}"])
async def test_a_resume_token_that_this_log_does_not_have_closes_with_4409(api: Stage, query: str) -> None:
    await api.tell(uuid4(), created())
    async with api.client.ws_connect(f"/ws?{query}") as socket:
        closing = await socket.receive(timeout=10)
        assert (closing.type, closing.data) == (WSMsgType.CLOSE, RESTORED)
        assert "since" in str(closing.extra)


async def test_sockets_of_a_log_that_was_restored_are_closed_with_4409(api: Stage, database: str) -> None:
    async with api.client.ws_connect("/ws") as socket:
        await _until_caught_up(socket)
        last = await api.tell(uuid4(), *[e.ProjectReopened(reason="soon gone")] * 5)
        while (await socket.receive_json(timeout=10))["position"] < last:
            pass
        owner = await asyncpg.connect(database, timeout=10)
        await owner.execute("ALTER TABLE event_log DISABLE TRIGGER append_only")
        await owner.execute("DELETE FROM event_log WHERE position > 2")
        await owner.execute("UPDATE log_head SET position = 2")
        await owner.close(timeout=10)
        closing = await socket.receive(timeout=10)
        assert (closing.type, closing.data) == (WSMsgType.CLOSE, RESTORED)


async def test_a_socket_subscribes_to_projects_one_by_one_and_leaves_them(api: Stage) -> None:
    mine, other = uuid4(), uuid4()
    first = await api.tell(mine, created(), e.ProjectFailed(reason="It broke"))
    await api.tell(other, created())
    async with api.client.ws_connect(f"/ws?project_id={other}") as socket:
        await _until_caught_up(socket)
        await _say(socket, "subscribed", type="subscribe", project_id=str(mine), since=0)
        missed = await _until_caught_up(socket)
        assert told(missed) == [(first, "workflow_event")]
        for wrong in ({}, {"project_id": str(mine)}, {"project_id": str(uuid4())}):
            await _say(socket, "error", type="subscribe", **wrong)
        await _say(socket, "unsubscribed", type="unsubscribe", project_id=str(other))
        await _say(socket, "error", type="unsubscribe", project_id=str(other))
        await api.tell(other, e.ProjectFailed(reason="nobody hears this"))
        await api.tell(mine, e.ProjectReopened(reason="heard"))
        assert (await socket.receive_json(timeout=10))["data"]["message"] == "heard"
        await _say(socket, "unsubscribed", type="unsubscribe", project_id=str(mine))
        await _say(socket, "subscribed", type="subscribe", types=["workflow_event"])
        await _until_caught_up(socket)
        await api.tell(other, e.ProjectReopened(reason="all"))
        assert (await socket.receive_json(timeout=10))["data"]["message"] == "all"


async def _say(socket: aiohttp.ClientWebSocketResponse, answer: str, **message: Any) -> None:  # noqa: ANN401
    await socket.send_json(message)
    assert (await socket.receive_json(timeout=10))["type"] == answer


async def test_a_slow_client_is_told_where_to_resume_and_misses_nothing_then(api: Stage) -> None:
    reader = Listener(0)
    async with contextlib.AsyncExitStack() as after:
        session = await after.enter_async_context(aiohttp.ClientSession(read_bufsize=1024))
        socket = await after.enter_async_context(session.ws_connect(f"{api.url}/ws", max_msg_size=0))
        reader.hear(await socket.receive_json(timeout=10))
        loud = e.AgentMessage(task_id=uuid4(), agent_type="analyst", message="x" * 200_000)
        for _ in range(25):  # the kernel alone may take ten megabytes
            await api.tell(uuid4(), *[loud] * 5)
        while (message := await socket.receive(timeout=20)).type is WSMsgType.TEXT:
            reader.hear(message.json())
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1013)
        assert message.extra == f"too slow: resume with since={reader.since}"
    heard = reader.since
    assert 0 < heard < await api.head()
    await reader.listen(api.client, api.url, until=await api.head())
    assert told(reader.heard) == await whole_log(api)


async def test_a_pong_never_names_more_than_was_told(api: Stage) -> None:
    await api.tell(uuid4(), *[e.ProjectReopened(reason="x" * 900)] * 99)
    _remember(api, 0)
    reader = Listener(5)
    async with api.client.ws_connect("/ws?since=5") as socket:
        for _ in range(20):
            await socket.send_json({"type": "ping"})
        pongs = 0
        while pongs < 20:
            frame = await socket.receive_json(timeout=10)
            if frame.get("type") != "pong":
                reader.hear(frame)
                continue
            pongs += 1
            assert frame["position"] <= max(reader.since, 5)


async def test_catching_up_outlasts_a_postgresql_that_comes_and_goes(api: Stage, database: str) -> None:
    await api.tell(uuid4(), created(), *[e.ProjectReopened(reason="x")] * 90)
    _remember(api, 0)
    head = await api.head()
    owner = await asyncpg.connect(database, timeout=10)
    listeners = [Listener(since) for since in range(40)]

    async def cut_sessions() -> None:
        for _ in range(40):
            await owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'baton-reader'"
            )
            await asyncio.sleep(0.02)

    cutting = asyncio.create_task(cut_sessions())
    async with asyncio.timeout(30):
        await asyncio.gather(*(one.listen(api.client, api.url, until=head) for one in listeners))
    await cutting
    await owner.close(timeout=10)
    log = await whole_log(api)
    assert [told(one.heard) for one in listeners] == [
        [frame for frame in log if frame[0] > since] for since in range(40)
    ]


async def test_a_burst_closes_nobody_who_reads(api: Stage) -> None:
    loud = e.AgentMessage(task_id=uuid4(), agent_type="analyst", message="x" * 200_000)
    async with api.client.ws_connect("/ws", max_msg_size=0) as socket:
        await _until_caught_up(socket)
        telling = asyncio.create_task(api.tell(uuid4(), *[loud] * 60))
        positions = [(await socket.receive_json(timeout=20))["position"] for _ in range(60)]
        assert positions == list(range(positions[0], positions[0] + 60))
        await telling


async def test_a_storm_of_reconnecting_clients_is_served(api: Stage) -> None:
    await api.tell(uuid4(), *[created(), *[e.ProjectReopened(reason="x" * 500)] * 50])
    head = await api.head()
    listeners = [Listener(since=0) for _ in range(200)]
    async with asyncio.timeout(15):
        await asyncio.gather(*(one.listen(api.client, api.url, until=head) for one in listeners))
    log = await whole_log(api)
    assert all(told(one.heard) == log for one in listeners)


async def test_connections_that_are_gone_leave_nothing_behind(api: Stage) -> None:
    sockets = api.sockets
    for path in ("/ws", "/ws?since=0"):
        async with api.client.ws_connect(path) as socket:
            await _until_caught_up(socket)
            assert len(sockets._connections) == 1
    await until(lambda: not sockets._connections)
    await until(lambda: not sockets.audience._by_scope)
