"""`/ws`: one follower a gateway reads the log and tells all who listen live, each frame exactly once.

It tells of an event when the tables show it, so a client that reads because of a frame finds it there. Frames of one
project are in the order of the log. Parts of a message that is still being written are told between them as they come,
and only to those who are live.
"""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from aiohttp import WSCloseCode
from pydantic import ValidationError

from baton_contracts.parts import MessagePart
from baton_eventlog.database import patiently
from baton_eventlog.reader import LogRewound, follow
from baton_eventlog.sql import QUERIES
from baton_gateway.audience import Audience
from baton_gateway.backlog import WAITING, Backlog
from baton_gateway.connection import Connection
from baton_gateway.freshness import Freshness
from baton_gateway.principal import Principal
from baton_gateway.project_tenants import ProjectTenants
from baton_gateway.reading import fetch_row
from baton_gateway.rights import Rights
from baton_gateway.seats import Seats
from baton_gateway.told import Told, tell
from baton_runtime.host import Host

log = structlog.get_logger("baton.sockets")
RESTORED: Final = 4409
"""The close code for a resume token that this log does not have, or does not have any more."""
ANEW: Final = "the log was restored: begin anew, without since"
_SHOWN_WITHIN: Final = 1.0
_BATCH: Final = 256
_AT_ONCE: Final = 256 << 10


class Sockets:
    """The open sockets of this gateway, and the follower that feeds them.

    `position` is the last one that live listeners were told of, in the log of that `epoch` (None before it is known).
    """

    def __init__(self, host: Host, freshness: Freshness) -> None:
        self._host = host
        self._freshness = freshness
        self._connections: set[Connection] = set()
        self._moved = asyncio.Event()
        self.audience = Audience()
        self.tenants = ProjectTenants(host.pool)
        self.backlog = Backlog(host.pool, self.tenants)
        self.seats = Seats(host.settings.max_sockets, host.settings.max_subscriptions)
        self.rights = Rights(host.pool, lambda: self._connections)
        self.position = 0
        self.epoch: UUID | None = None

    async def run(self) -> None:
        """Tell what happens from now on, until cancelled; begin again where the log was restored. Raises `LogGap`."""
        while True:
            try:
                await self._begin()
                await self._follow()
            except LogRewound:
                log.warning("log_was_rewound", position=self.position)
                self._forget()

    async def _begin(self) -> None:
        position, epoch = await self.head()
        await self._shown(position)
        await self.backlog.begin(position)
        self.position, self.epoch = position, epoch
        self._wake()

    def _forget(self) -> None:
        """Let everybody go who knows of a log that is no more."""
        self.position, self.epoch = 0, None
        self.backlog.clear()
        self.tenants.clear()
        self._freshness.rewind()
        for connection in self._connections:
            connection.close(RESTORED, ANEW)

    async def _follow(self) -> None:
        async for events in follow(self._host.pool, self._host.signal, self.position, limit=_BATCH):
            await self._shown(events[-1].position)
            said = partial(tell, self._host.pool, self.tenants, events)
            for told in _portions(await patiently(said, WAITING)):
                self._tell(told)
                await asyncio.sleep(0)  # let what was written leave before more is

    async def _shown(self, position: int) -> None:
        """Wait until the tables show a position."""
        while not await self._freshness.wait(position, timeout=_SHOWN_WITHIN):
            log.warning("sockets_wait_for_the_projector", position=position)

    def _tell(self, told: Sequence[Told]) -> None:
        self.backlog.add(told)
        self.audience.tell(told)
        self.position = told[-1].position
        self._wake()

    def hear(self, body: bytes) -> None:
        """Pass on a part of a message that is still being written."""
        try:
            part = MessagePart.model_validate_json(body)
        except ValidationError as error:
            log.warning("malformed_message_part", bytes=len(body), problems=error.error_count())
        else:
            self.audience.offer(part, self.tenants.known(part.project_id))

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def moved(self) -> None:
        """Wait until something was told, or the log could be read."""
        await self._moved.wait()

    async def head(self) -> tuple[int, UUID]:
        """Return the log's head and epoch, however long PostgreSQL is away."""
        row = await patiently(lambda: fetch_row(self._host.pool, QUERIES["head_and_epoch"]), WAITING)
        assert row  # noqa: S101 - the log has one head
        return row["position"], row["epoch"]

    async def shows(self, project_id: UUID, principal: Principal) -> bool:
        """Tell whether there is such a project for a principal. Raises one of `UNAVAILABLE`."""
        tenant = await self.tenants.of(project_id)
        return tenant is not None and principal.tenant in (None, tenant)

    def enter(self, connection: Connection) -> None:
        """Count a connection in."""
        self._connections.add(connection)

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        self._connections.discard(connection)
        for interest in connection.interests:
            self.audience.leave(interest, connection)

    async def close(self) -> None:
        """Close every socket because this gateway stops (close code 1001)."""
        for connection in self._connections:
            connection.close(WSCloseCode.GOING_AWAY, "the gateway stops")
        await asyncio.gather(*(connection.closed() for connection in self._connections))


def _portions(told: Sequence[Told]) -> Iterator[Sequence[Told]]:
    """Part a batch so that no write is large: a client that reads must not look slow for it."""
    begin = size = 0
    for n, one in enumerate(told):
        if size and size + one.size > _AT_ONCE:
            yield told[begin:n]
            begin, size = n, 0
        size += one.size
    yield told[begin:]
