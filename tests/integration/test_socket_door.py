"""`/ws` for several tenants at once: everybody hears what is theirs, each frame once, and nothing of anybody else."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import pytest

from baton_contracts import events as e
from baton_contracts.frames import frames_of
from baton_contracts.ids import SYSTEM_STREAM
from baton_contracts.parts import TOPIC, MessagePart
from baton_eventlog.database import open_pool
from baton_eventlog.reader import read
from baton_gateway.project_tenants import ProjectTenants
from support.door import answer_to, caught_up, principal
from support.keys import bearing, make_key
from support.listener import Frame, Listener
from support.stage import Stage, stage

ALL = None
SEED = 7


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path, alone=True, auth="on") as open_stage:
        yield open_stage


@pytest.fixture
async def clients(api: Stage) -> AsyncIterator[dict[str | None, aiohttp.ClientSession]]:
    """Give a client for each of two tenants, and one of no tenant."""
    async with AsyncExitStack() as stack:
        yield {
            "red": await stack.enter_async_context(principal(api, "viewer", "red")),
            "blue": await stack.enter_async_context(principal(api, "operator", "blue")),
            ALL: await stack.enter_async_context(principal(api, "admin", None)),
        }


def created(tenant: str) -> e.ProjectCreated:
    return e.ProjectCreated(name="A", product_idea="An app", tenant=tenant)


def something(rng: random.Random) -> e.Payload:
    task = uuid4()
    return rng.choice(
        (
            e.TaskStart(task_id=task, agent_type="coder", attempt=1, runner_id=uuid4(), message="At work"),
            e.AgentMessage(task_id=task, agent_type="coder", message="x" * rng.randrange(1, 900)),
            e.TaskFailed(task_id=task, agent_type="coder", attempt=1, reason="It broke"),
        )
    )


async def live(api: Stage, projects: dict[UUID, str | None], turns: int) -> int:
    """Let things happen in all projects, and agents be reset for one tenant or all; give the last position."""
    rng = random.Random(SEED)  # noqa: S311 - the same each time
    for _ in range(turns):
        project_id = rng.choice([*projects, SYSTEM_STREAM])
        reset = e.AgentReset(agent_type="coder", tenant=rng.choice(("red", "blue", None)))
        await api.tell(project_id, *([reset] if project_id == SYSTEM_STREAM else [something(rng) for _ in range(3)]))
    return await api.tell(SYSTEM_STREAM, e.AgentReset(agent_type="coder"))


async def meant_for(api: Stage, tenant: str | None, projects: dict[UUID, str | None]) -> list[tuple[int, str]]:
    """Return (position, frame type) of every frame that a tenant is to hear of."""

    def is_theirs(event: e.Event) -> bool:
        if isinstance(event.payload, e.AgentReset):
            return tenant is ALL or event.payload.tenant in (None, tenant)
        return tenant is ALL or projects.get(event.project_id) == tenant

    events = [event for event in await read(api.host.pool, 0, 100_000) if is_theirs(event)]
    return [(event.position, frame["event_type"]) for event in events for frame in frames_of(event)]


def told(frames: list[Frame]) -> list[tuple[int, str]]:
    return [(frame["position"], frame["event_type"]) for frame in frames]


async def some_projects(api: Stage) -> dict[UUID, str | None]:
    """Make a few projects of two tenants, and name one that nobody made."""
    projects: dict[UUID, str | None] = {uuid4(): tenant for tenant in ("red", "blue", "red", "blue")}
    for project_id, tenant in projects.items():
        await api.tell(project_id, created(str(tenant)), e.ProjectReopened(reason="begin"))
    return projects | {uuid4(): "nobody"}


async def test_each_tenant_hears_its_own_once_live_and_while_catching_up(
    api: Stage, clients: dict[str | None, aiohttp.ClientSession]
) -> None:
    projects = await some_projects(api)
    listeners = {tenant: Listener(0) for tenant in clients}
    happening = asyncio.create_task(live(api, projects, 60))
    hearing = [
        asyncio.create_task(listener.listen(clients[tenant], api.url, until=100_000))
        for tenant, listener in listeners.items()
    ]
    last = await happening
    while any(one.since < last for one in listeners.values()):  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.01)
    for task in hearing:
        task.cancel()
    for tenant, listener in listeners.items():
        wanted = await meant_for(api, tenant, projects)
        assert told(listener.heard) == wanted
        assert len(wanted) > 50


@pytest.mark.parametrize("remembered", [True, False])
async def test_what_was_missed_is_told_to_whom_it_belongs(
    api: Stage, clients: dict[str | None, aiohttp.ClientSession], *, remembered: bool
) -> None:
    projects = await some_projects(api)
    last = await live(api, projects, 30)
    if not remembered:
        api.sockets.backlog.clear()
        api.sockets.tenants.clear()
    for tenant, client in clients.items():
        for since in (0, 9, last - 1):
            listener = Listener(since)
            await listener.listen(client, api.url, until=last)
            assert told(listener.heard) == [one for one in await meant_for(api, tenant, projects) if one[0] > since]


async def test_a_gateway_that_begins_later_tells_the_same(
    api: Stage, database: str, tmp_path: Path, clients: dict[str | None, aiohttp.ClientSession]
) -> None:
    projects = await some_projects(api)
    last = await live(api, projects, 10)
    async with stage(database, tmp_path, alone=True, auth="on") as other:
        for tenant, client in clients.items():
            async with client.ws_connect(f"{other.url}/ws") as socket:
                await caught_up(socket)
                last = await api.tell(next(iter(projects)), e.ProjectReopened(reason="again"))
                frames = [await socket.receive_json(timeout=10)] if tenant != "blue" else []
                await api.tell(SYSTEM_STREAM, e.AgentReset(agent_type="coder", tenant=tenant))
                frames.append(await socket.receive_json(timeout=10))
            wanted = [one for one in await meant_for(other, tenant, projects) if one[0] >= last]
            assert told(frames) == wanted[: len(frames)]


async def test_parts_of_a_message_are_heard_by_their_tenant_and_of_unknown_projects_by_none(
    api: Stage, clients: dict[str | None, aiohttp.ClientSession]
) -> None:
    ours, theirs, unknown = uuid4(), uuid4(), uuid4()
    await api.tell(ours, created("red"))
    await api.tell(theirs, created("blue"))
    async with AsyncExitStack() as stack:
        paths = {"red": "/ws", "blue": f"/ws/{theirs}", ALL: "/ws?types=new_message"}
        sockets = {
            tenant: await stack.enter_async_context(client.ws_connect(paths[tenant]))
            for tenant, client in clients.items()
        }
        for socket in sockets.values():
            await caught_up(socket)
        for n, project_id in enumerate([unknown, theirs, ours] * 2):
            api.host.bus.broadcast(TOPIC, part(project_id, f"{n}").model_dump_json().encode())
        heard = {}
        for tenant, socket in sockets.items():
            await socket.send_json({"type": "ping"})
            heard[tenant] = [frame["message"] async for frame in until_pong(socket)]
    assert heard == {"red": ["2", "5"], "blue": ["1", "4"], ALL: ["0", "1", "2", "3", "4", "5"]}


def part(project_id: UUID, text: str) -> MessagePart:
    return MessagePart(
        project_id=project_id,
        task_id=UUID(int=1),
        agent_type="coder",
        attempt=1,
        message=text,
        timestamp=datetime.now(UTC),
    )


async def until_pong(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[Frame]:
    while (frame := await socket.receive_json(timeout=10)).get("type") != "pong":
        yield frame


async def test_a_project_of_another_tenant_is_refused_in_the_words_of_an_absent_one(
    api: Stage, clients: dict[str | None, aiohttp.ClientSession]
) -> None:
    ours, theirs, absent = uuid4(), uuid4(), uuid4()
    await api.tell(ours, created("red"))
    await api.tell(theirs, created("blue"))
    for path in ("/ws/{}", "/ws?project_id={}"):
        answers = [await refusal(clients["red"], path.format(one)) for one in (theirs, absent)]
        assert answers[0][0] == 404
        assert answers[0][1].replace(str(theirs), str(absent)) == answers[1][1]
        for client in (clients["blue"], clients[ALL]):
            assert (await refusal(client, path.format(theirs)))[0] == 426  # no handshake, but it is there
    async with clients["red"].ws_connect(f"/ws/{ours}") as socket:
        await caught_up(socket)
        errors = [await answer_to(socket, type="subscribe", project_id=str(one)) for one in (theirs, absent)]
        assert errors[0]["type"] == "error"
        assert errors[0]["detail"].replace(str(theirs), str(absent)) == errors[1]["detail"]
        await api.tell(theirs, e.ProjectReopened(reason="theirs"))
        await api.tell(ours, e.ProjectReopened(reason="ours"))
        assert (await socket.receive_json(timeout=10))["data"]["message"] == "ours"


async def refusal(client: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with client.get(path) as response:
        return response.status, await response.text()


async def test_subscribing_to_all_projects_on_a_socket_means_those_of_the_tenant(
    api: Stage, clients: dict[str | None, aiohttp.ClientSession]
) -> None:
    ours, theirs = uuid4(), uuid4()
    await api.tell(ours, created("red"), e.ProjectReopened(reason="ours"))
    await api.tell(theirs, created("blue"), e.ProjectReopened(reason="theirs"))
    async with clients["red"].ws_connect(f"/ws/{ours}") as socket:
        await caught_up(socket)
        assert (await answer_to(socket, type="unsubscribe", project_id=str(ours)))["type"] == "unsubscribed"
        assert (await answer_to(socket, type="subscribe", since=0)) == {"type": "subscribed", "project_id": None}
        assert [frame["data"]["message"] for frame in await caught_up(socket)] == ["ours"]
        await api.tell(theirs, e.ProjectReopened(reason="theirs"))
        await api.tell(ours, e.ProjectReopened(reason="ours"))
        assert (await socket.receive_json(timeout=10))["data"]["message"] == "ours"


@pytest.mark.parametrize("credential", ["none", "wrong"])
async def test_nobody_hears_anything_without_a_credential(api: Stage, credential: str) -> None:
    headers = {} if credential == "none" else bearing((await make_key(api.host.pool))[:-4] + "aaaa")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await api.client.ws_connect("/ws", headers=headers)
    assert refused.value.status == 401


async def test_the_tables_are_asked_for_a_projects_tenant_once(api: Stage) -> None:
    project_id = uuid4()
    await api.tell(project_id, created("red"), e.ProjectReopened(reason="x"))
    (_, *events) = await read(api.host.pool, 0, 10)
    pool = await open_pool(api.host.dsn, name="test")
    tenants = ProjectTenants(pool)
    assert await tenants.of_events(events) == {project_id: "red"}
    pool.terminate()
    assert await tenants.of_events(events) == {project_id: "red"}
    assert await tenants.of(project_id) == "red"
    assert tenants.known(project_id) == "red"
    tenants.clear()
    assert tenants.known(project_id) is None
