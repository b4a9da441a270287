"""Tickets: one socket each, once, at any gateway, for half a minute, and with the right of whoever got it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from aiohttp import WSMsgType

from baton_contracts import events as e
from baton_eventlog.database import connect
from baton_gateway.keys import Keys
from baton_gateway.principal import OWNER
from baton_gateway.tickets import PREFIX, Tickets
from support.door import answer_to, caught_up, client_of, handshake, principal, ticket_of
from support.keys import expire, make_key, owner_of, revoke
from support.stage import Stage, stage
from support.waiting import until

ENDED = 4401


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path, alone=True, auth="on") as open_stage:
        yield open_stage


async def test_a_ticket_opens_one_socket_with_the_right_of_whoever_got_it(api: Stage) -> None:
    ours, theirs = uuid4(), uuid4()
    for project_id, tenant in ((ours, "red"), (theirs, "blue")):
        created = e.ProjectCreated(name="A", product_idea="An app", tenant=tenant)
        await api.tell(project_id, created, e.ProjectReopened(reason=tenant))
    async with principal(api, "viewer", "red") as client:
        ticket = await ticket_of(client)
        assert await handshake(api.client, f"/ws/{theirs}?ticket={await ticket_of(client)}") == 404
        assert await handshake(api.client, f"/ws/{ours}?ticket={await ticket_of(client)}") == 101
    async with api.client.ws_connect(f"/ws?since=0&ticket={ticket}") as socket:
        assert [frame["data"]["message"] for frame in await caught_up(socket)] == ["red"]
    assert await handshake(api.client, f"/ws?ticket={ticket}") == 401


async def test_a_ticket_keeps_the_whole_principal(api: Stage) -> None:
    key = await make_key(api.host.pool, "viewer", "red", days=1)
    async with client_of(api, key) as client:
        assert await Tickets(api.host.pool).redeem(await ticket_of(client)) == await Keys(api.host.pool).principal_of(
            key
        )


async def test_of_many_who_bring_one_ticket_to_two_gateways_at_once_one_comes_in(
    api: Stage, database: str, tmp_path: Path
) -> None:
    async with stage(database, tmp_path, alone=True, auth="on") as other, principal(api) as client:
        for _ in range(5):
            ticket = await ticket_of(client)
            clients = [api.client, other.client] * 8
            answers = Counter(await asyncio.gather(*(handshake(one, f"/ws?ticket={ticket}") for one in clients)))
            assert answers == {101: 1, 401: 15}


async def test_an_expired_ticket_opens_nothing_and_goes_with_the_next_that_is_made(api: Stage) -> None:
    async with principal(api) as client:
        ticket = await ticket_of(client)
        async with owner_of(api.host.pool) as owner:
            await owner.execute("UPDATE ws_tickets SET expires_at = now() - interval '1 ms'")
        assert await handshake(api.client, f"/ws?ticket={ticket}") == 401
        await ticket_of(client)
    assert await api.host.pool.fetchval("SELECT count(*) FROM ws_tickets") == 1


async def test_a_ticket_is_worth_nothing_but_for_a_socket(api: Stage) -> None:
    async with principal(api) as client:
        ticket = await ticket_of(client)
        async with client_of(api, ticket) as bearer:
            for path in ("/api/v1/projects", f"/api/v1/projects?ticket={ticket}", "/ws"):
                async with bearer.get(path) as response:
                    assert response.status == 401
        assert await handshake(api.client, f"/ws?ticket={ticket}") == 101


async def test_what_is_no_ticket_opens_nothing(api: Stage) -> None:
    async with principal(api) as client:
        ticket = await ticket_of(client)
        key = client.headers["Authorization"].removeprefix("Bearer ")
        malformed = ("", "x", PREFIX, ticket[:-1], f"{ticket}x", ticket.upper(), "%00", "%ff", "a" * 3000, key)
        for wrong in (*malformed, ticket[:-3] + "aaa", f"{PREFIX}{uuid4().hex}_{'a' * 43}"):
            assert await handshake(api.client, f"/ws?ticket={wrong}") == 401, wrong
            assert await handshake(client, f"/ws?ticket={wrong}") == 401, "a key does not make up for it"
        assert await handshake(api.client, f"/ws?ticket={ticket}") == 101


@pytest.mark.parametrize("end", [revoke, expire])
async def test_a_ticket_of_a_key_that_ended_meanwhile_opens_nothing(
    api: Stage, end: Callable[[asyncpg.Pool, str], Awaitable[None]]
) -> None:
    key = await make_key(api.host.pool)
    async with client_of(api, key) as client:
        ticket = await ticket_of(client)
    await end(api.host.pool, key)
    assert await handshake(api.client, f"/ws?ticket={ticket}") == 401


async def test_a_ticket_needs_a_credential_and_is_never_kept_for_a_second_answer(api: Stage) -> None:
    async with api.client.post("/api/v1/ws-tickets") as response:
        assert response.status == 401
    async with principal(api, "viewer") as client:
        tickets = set()
        for _ in range(2):
            async with client.post("/api/v1/ws-tickets", headers={"Idempotency-Key": "again"}) as response:
                assert response.status == 201
                assert response.headers["Cache-Control"] == "no-store"
                answer = await response.json()
                assert answer.keys() == {"ticket", "expires_in"}
                assert answer["expires_in"] == 30
                tickets.add(answer["ticket"])
        assert len(tickets) == 2
        for ticket in tickets:
            assert await handshake(api.client, f"/ws?ticket={ticket}") == 101
        async with client.post("/api/v1/ws-tickets", headers={"Idempotency-Key": "two words"}) as response:
            assert response.status == 422
    kept = await api.host.pool.fetch("SELECT inbox::text FROM inbox UNION ALL SELECT ws_tickets::text FROM ws_tickets")
    assert kept
    assert not [row for row in kept if PREFIX in row[0]]


async def test_tickets_are_the_same_where_nobody_is_asked_who_they_are(database: str, tmp_path: Path) -> None:
    async with stage(database, tmp_path, alone=True) as api:
        ticket = await ticket_of(api.client)
        assert await handshake(api.client, f"/ws?ticket={ticket}") == 101
        assert await handshake(api.client, f"/ws?ticket={ticket}") == 401
        assert await handshake(api.client, "/ws?ticket=x") == 401
        assert await handshake(api.client, "/ws") == 101
        assert await Tickets(api.host.pool).redeem(await ticket_of(api.client)) == OWNER


async def test_a_socket_ends_when_its_key_expires(api: Stage) -> None:
    key = await make_key(api.host.pool)
    async with owner_of(api.host.pool) as owner:
        await owner.execute("UPDATE api_keys SET expires_at = now() + interval '3 s'")
    async with client_of(api, key) as client, principal(api) as neighbour:
        opened = [await client.ws_connect("/ws"), await api.client.ws_connect(f"/ws?ticket={await ticket_of(client)}")]
        async with neighbour.ws_connect("/ws") as other:
            await caught_up(other)
            began = asyncio.get_running_loop().time()
            for socket in opened:
                await caught_up(socket)
                message = await socket.receive(timeout=6)
                assert (message.type, message.data) == (WSMsgType.CLOSE, ENDED)
                assert message.extra == "your key or token has expired: connect again with a new one"
            assert 1.5 < asyncio.get_running_loop().time() - began < 4.5
            assert (await answer_to(other, type="ping"))["type"] == "pong"
    await until(lambda: not api.sockets._connections)


async def test_sockets_end_within_five_seconds_when_their_key_is_revoked_also_those_of_tickets(api: Stage) -> None:
    key = await make_key(api.host.pool)
    async with client_of(api, key) as client, principal(api) as neighbour, neighbour.ws_connect("/ws") as other:
        opened = [await client.ws_connect("/ws"), await api.client.ws_connect(f"/ws?ticket={await ticket_of(client)}")]
        for socket in (*opened, other):
            await caught_up(socket)
        await revoke(api.host.pool, key)
        async with asyncio.timeout(5):
            for socket in opened:
                message = await socket.receive()
                assert (message.type, message.data) == (WSMsgType.CLOSE, ENDED)
                assert message.extra == "your key was revoked, or has expired"
        assert (await answer_to(other, type="ping"))["type"] == "pong"


async def test_sockets_stay_while_postgresql_cannot_be_asked_and_end_when_it_says_so(api: Stage, database: str) -> None:
    key = await make_key(api.host.pool)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'baton-reader'"
    async with client_of(api, key) as client, client.ws_connect("/ws") as socket:
        await caught_up(socket)
        await _repeat(database, cut, seconds=5)
        assert (await answer_to(socket, type="ping"))["type"] == "pong"
        await revoke(api.host.pool, key)
        message = await socket.receive(timeout=5)
        assert (message.type, message.data) == (WSMsgType.CLOSE, ENDED)


async def _repeat(dsn: str, statement: str, *, seconds: float) -> None:
    connection = await connect(dsn, name="test")
    try:
        for _ in range(int(seconds / 0.02)):
            await connection.execute(statement)
            await asyncio.sleep(0.02)
    finally:
        await connection.close()
