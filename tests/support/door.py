"""Clients at a gateway's door, each with a key of its own."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from baton_gateway.principal import GrantedRole
from support.keys import bearing, make_key
from support.stage import Stage


@contextlib.asynccontextmanager
async def client_of(api: Stage, key: str | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a client that sends a key, or none."""
    headers = bearing(key) if key else {}
    async with aiohttp.ClientSession(api.url, headers=headers, timeout=aiohttp.ClientTimeout(20)) as client:
        yield client


@contextlib.asynccontextmanager
async def principal(
    api: Stage, role: GrantedRole = "operator", tenant: str | None = "default"
) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a client with a key that is made for it."""
    async with client_of(api, await make_key(api.host.pool, role, tenant)) as client:
        yield client


async def caught_up(socket: aiohttp.ClientWebSocketResponse) -> list[dict[str, Any]]:
    """Give the frames up to the one that says that all were sent."""
    frames: list[dict[str, Any]] = []
    while (frame := await socket.receive_json(timeout=10))["event_type"] != "caught_up":
        frames.append(frame)
    return frames


async def answer_to(socket: aiohttp.ClientWebSocketResponse, **message: object) -> dict[str, Any]:
    """Say something on a socket, and give the answer to it."""
    await socket.send_json(message)
    while "type" not in (frame := await socket.receive_json(timeout=10)):
        pass
    found: dict[str, Any] = frame
    return found


async def ticket_of(client: aiohttp.ClientSession) -> str:
    """Get a ticket."""
    async with client.post("/api/v1/ws-tickets") as response:
        assert response.status == 201, await response.text()
        return str((await response.json())["ticket"])


async def handshake(client: aiohttp.ClientSession, path: str) -> int:
    """Try to open a socket; give the status that it was answered with."""
    try:
        async with client.ws_connect(path) as socket:
            await socket.receive(timeout=10)
            return 101
    except aiohttp.WSServerHandshakeError as refused:
        return refused.status
