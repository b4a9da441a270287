"""`/ws`: every event's frames, each exactly once, to every socket that wants them.

One follower a gateway reads the log and tells all who listen live. It tells of an event when the tables show it, so a
client that reads because of a frame finds it there. A subscription with a past catches up from the log and joins the
live ones at the very position where it got to: both happen in one event loop, so nothing is missed or told twice at
the seam. Frames of one project are in the order of the log. Parts of a message that is still being written are told
between them as they come, and only to those who are live.
"""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import structlog
from aiohttp import WSCloseCode
from pydantic import ValidationError

from baton_contracts.events import Event
from baton_contracts.parts import MessagePart
from baton_eventlog.database import UNAVAILABLE
from baton_eventlog.reader import LogRewound, follow
from baton_eventlog.sql import QUERIES
from baton_gateway.audience import Audience
from baton_gateway.backlog import Backlog
from baton_gateway.connection import Connection
from baton_gateway.freshness import Freshness
from baton_gateway.reading import fetch_row
from baton_gateway.told import Interest, Told, tell, text_frame
from baton_runtime.host import Host

log = structlog.get_logger("baton.sockets")
RESTORED: Final = 4409
"""The close code for a resume token that this log does not have, or does not have any more."""
_SHOWN_WITHIN: Final = 1.0
_RETRY: Final = 0.2
_BATCH: Final = 256
_PIECE: Final = 128 << 10


class UnknownPosition(Exception):
    """A resume token names no place in this log; the message says why, and that `since` must go."""


class Sockets:
    """The open sockets of this gateway, and the follower that feeds them."""

    def __init__(self, host: Host, freshness: Freshness) -> None:
        self._host = host
        self._freshness = freshness
        self._connections: set[Connection] = set()
        self._audience = Audience()
        self._backlog = Backlog(host.pool)
        self._moved = asyncio.Event()
        self._epoch: UUID | None = None
        self.position = -1
        """The last one that live listeners were told of; -1 before the log could be read."""

    async def run(self) -> None:
        """Tell what happens from now on, until cancelled; begin again where the log was restored. Raises `LogGap`."""
        while True:
            position, epoch = await self._head()
            try:
                await self._shown(position)
                await self._backlog.begin(position)
                self.position, self._epoch = position, epoch
                self._wake()
                await self._follow()
            except LogRewound:
                log.warning("log_was_rewound", position=self.position)
                for connection in self._connections:
                    connection.close(RESTORED, "the log was restored: begin anew, without since")

    async def _follow(self) -> None:
        async for events in follow(self._host.pool, self._host.signal, self.position, limit=_BATCH):
            await self._shown(events[-1].position)
            self._tell(await self._told(events))

    async def _shown(self, position: int) -> None:
        """Wait until the tables show a position."""
        while not await self._freshness.wait(position, timeout=_SHOWN_WITHIN):
            log.warning("sockets_wait_for_the_projector", position=position)

    async def _told(self, events: Sequence[Event]) -> list[Told]:
        while True:
            try:
                return await tell(self._host.pool, events)
            except UNAVAILABLE as error:
                log.warning("sockets_wait_for_postgresql", error=type(error).__name__)
                await asyncio.sleep(_RETRY)

    def _tell(self, told: Sequence[Told]) -> None:
        self._backlog.add(told)
        self._audience.tell(told)
        self.position = told[-1].position
        self._wake()

    def hear(self, body: bytes) -> None:
        """Pass on a part of a message that is still being written."""
        try:
            part = MessagePart.model_validate_json(body)
        except ValidationError as error:
            log.warning("malformed_message_part", bytes=len(body), problems=error.error_count())
        else:
            self._audience.offer(part)

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def _head(self) -> tuple[int, UUID]:
        while True:
            try:
                row = await fetch_row(self._host.pool, QUERIES["head_and_epoch"])
            except UNAVAILABLE as error:
                log.warning("sockets_wait_for_postgresql", error=type(error).__name__)
                await asyncio.sleep(_RETRY)
            else:
                assert row  # noqa: S101 - the log has one head
                return row["position"], row["epoch"]

    def open(self, connection: Connection) -> None:
        """Count a connection in."""
        self._connections.add(connection)

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        self._connections.discard(connection)
        for interest in connection.interests:
            self._audience.leave(interest, connection)

    def unsubscribe(self, connection: Connection, interest: Interest) -> None:
        """Have a connection hear no more of this."""
        self._audience.leave(interest, connection)

    async def subscribe(
        self, connection: Connection, interest: Interest, since: int | None, epoch: UUID | None
    ) -> None:
        """Have a connection hear what it missed since a position, then what happens; returns when it is live.

        Raises `UnknownPosition`, also where the log turns out to be another one on the way.
        """
        position = await self._begin(since, epoch)
        try:
            while position < self.position:
                connection.reached[interest] = position
                told, position = await self._backlog.after(position, self.position, interest.project_id)
                if not await _send(connection, told, interest):
                    return
        except LogRewound as error:
            raise UnknownPosition("the log was restored: begin anew, without since") from error
        finally:
            connection.reached.pop(interest, None)
        self._audience.join(interest, connection)
        connection.heard(position)
        connection.write(text_frame(self._caught_up(interest)))

    async def _begin(self, since: int | None, epoch: UUID | None) -> int:
        """Return the position to begin after. Raises `UnknownPosition`."""
        while self._epoch is None:
            await self._moved.wait()
        if epoch not in (None, self._epoch):
            raise UnknownPosition("since is of another log (epoch): begin anew, without since")
        if since is None:
            return self.position
        if since > self.position and since > (await self._head())[0]:
            raise UnknownPosition("since is beyond the head of the log: begin anew, without since")
        while since > self.position:
            await self._moved.wait()
        return since

    def _caught_up(self, interest: Interest) -> dict[str, object]:
        frame: dict[str, object] = {
            "event_type": "caught_up",
            "position": self.position,
            "epoch": str(self._epoch),
        }
        return frame | ({"project_id": str(interest.project_id)} if interest.project_id else {})

    async def close(self) -> None:
        """Close every socket because this gateway stops (close code 1001)."""
        for connection in self._connections:
            connection.close(WSCloseCode.GOING_AWAY, "the gateway stops")
        await asyncio.gather(*(connection.closed() for connection in self._connections))


async def _send(connection: Connection, told: Sequence[Told], interest: Interest) -> bool:
    """Write what was missed, in pieces, each when the client has taken the one before; False when it is gone."""
    pieces: list[bytes] = []
    size = 0
    for one in told:
        if interest.project_id in (None, one.project_id):
            pieces.append(one.wire(interest.types))
            size += len(pieces[-1])
        if size > _PIECE:
            if not connection.write(b"".join(pieces)) or not await connection.drained():
                return False
            connection.reached[interest] = one.position
            pieces, size = [], 0
    return connection.write(b"".join(pieces)) and await connection.drained()
