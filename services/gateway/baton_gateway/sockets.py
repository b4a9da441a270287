"""`/ws`: every event's frames to every socket that wants them.

One follower a gateway reads the log from the head on; a frame is encoded once an event. It is sent when the tables
show what it tells of (a second later all the same), so a client that reads because of a frame finds it there.
Frames of one project are in the order of the log.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final
from uuid import UUID

import orjson
import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from baton_contracts.events import Event
from baton_contracts.frames import frames_of
from baton_eventlog.database import UNAVAILABLE
from baton_eventlog.reader import LogRewound, follow
from baton_eventlog.sql import QUERIES
from baton_gateway.freshness import Freshness
from baton_gateway.outbox import Outbox
from baton_gateway.reading import fetch_value
from baton_runtime.host import Host

log = structlog.get_logger("baton.sockets")
HEARTBEAT: Final = 30.0
MAX_MESSAGE: Final = 16 << 10
_SHOWN_WITHIN: Final = 1.0
_RETRY: Final = 0.2
_BATCH: Final = 100
_PONG: Final = orjson.dumps({"type": "pong"})


class Sockets:
    """The open sockets of this gateway, and the follower that feeds them."""

    def __init__(self) -> None:
        self._outboxes: set[Outbox] = set()

    async def run(self, host: Host, freshness: Freshness) -> None:
        """Send what happens from now on, until cancelled; from the head again where the log was restored.

        Raises `LogGap`.
        """
        while True:
            with contextlib.suppress(LogRewound):
                await self._follow(host, freshness)

    async def _follow(self, host: Host, freshness: Freshness) -> None:
        async for events in follow(host.pool, host.signal, await _head(host), limit=_BATCH):
            if self._outboxes:
                await freshness.wait(events[-1].position, timeout=_SHOWN_WITHIN)
                for event in events:
                    self.broadcast(event)
                    await asyncio.sleep(0)  # let what was offered be sent before more is

    def broadcast(self, event: Event) -> None:
        """Offer an event's frames to every socket that wants them."""
        wanting = [outbox for outbox in self._outboxes if outbox.project_id in (None, event.project_id)]
        if wanting:
            for frame in map(orjson.dumps, frames_of(event)):
                for outbox in wanting:
                    outbox.offer(frame)

    async def serve(self, request: web.Request, project_id: UUID | None) -> web.WebSocketResponse:
        """Carry one socket from its handshake to its end; `project_id` narrows it to one project."""
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, compress=False, max_msg_size=MAX_MESSAGE)
        await socket.prepare(request)
        with self._subscribed(Outbox(request, socket, project_id)) as outbox:
            draining = asyncio.create_task(outbox.drain())
            try:
                async for message in socket:
                    if message.type is WSMsgType.TEXT and _is_ping(message.data):
                        outbox.offer(_PONG)
            finally:
                await outbox.finish(draining)
        return socket

    @contextlib.contextmanager
    def _subscribed(self, outbox: Outbox) -> Iterator[Outbox]:
        self._outboxes.add(outbox)
        try:
            yield outbox
        finally:
            self._outboxes.discard(outbox)

    async def close(self) -> None:
        """Close every socket because this gateway stops (close code 1001)."""
        closing = [outbox.close(WSCloseCode.GOING_AWAY, b"the gateway stops") for outbox in self._outboxes]
        await asyncio.gather(*closing)


async def _head(host: Host) -> int:
    while True:
        try:
            return int(await fetch_value(host.pool, QUERIES["head"]))
        except UNAVAILABLE as error:
            log.warning("sockets_wait_for_postgresql", error=type(error).__name__)
            await asyncio.sleep(_RETRY)


def _is_ping(text: str) -> bool:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return isinstance(message, dict) and message.get("type") == "ping"
