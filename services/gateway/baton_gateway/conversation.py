"""One client's socket from its handshake to its end: what it asks for, and what it is told.

Subscriptions of one socket never overlap, so no frame is sent to it twice: it hears all projects, or some of them one
by one. Each message counts like a request: a client that sends more than it may is read no faster than that, so what
it sends on waits with the client.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from baton_eventlog.database import UNAVAILABLE
from baton_gateway.catching_up import UnknownPosition, subscribe
from baton_gateway.connection import Connection
from baton_gateway.door import Door
from baton_gateway.route import Call
from baton_gateway.seats import Seat
from baton_gateway.socket_messages import Misunderstood, Ping, Subscribe, Unsubscribe, message_of, scope
from baton_gateway.sockets import RESTORED, Sockets
from baton_gateway.told import Interest, text_frame

log = structlog.get_logger("baton.conversation")
_FAULT: Final = "a fault of Baton's: connect again with since"
HEARTBEAT: Final = 30.0
MAX_MESSAGE: Final = 16 << 10
MAX_SUBSCRIPTIONS: Final = 100
_PAUSE: Final = 0.05  # at least so long, that many sockets which wait for their turn do not keep the loop busy


@dataclass(slots=True)
class Conversation:
    """A socket that is open; its subscriptions run beside the reading of what it says."""

    sockets: Sockets
    door: Door
    connection: Connection
    seat: Seat
    running: dict[UUID | None, tuple[Interest, asyncio.Task[None]]] = field(default_factory=dict)

    async def hear(self, socket: web.WebSocketResponse) -> None:
        """Answer what the client says until it is gone."""
        async for message in socket:
            await self._await_turn()
            if message.type is WSMsgType.TEXT:
                await self._answer(message.data)
            elif message.type is WSMsgType.BINARY:
                self._say({"type": "error", "detail": "send JSON as text"})
            elif message.type is WSMsgType.PING:
                self.connection.pong(message.data)
            if not await self.connection.drained():  # who does not listen is not answered
                break
            await asyncio.sleep(0)  # nothing above has to wait: others come in between, however much is sent

    async def _await_turn(self) -> None:
        """Wait until the client may send another message."""
        while self.connection.open:
            wait = self.door.wait(self.connection.principal)
            if not wait:
                return
            await asyncio.sleep(max(wait, _PAUSE))

    async def _answer(self, text: str) -> None:
        try:
            match message_of(text):
                case Ping():
                    self._say({"type": "pong", "position": self.connection.complete_to(self.sockets.position)})
                case Subscribe() as wanted:
                    await self._subscribe(wanted)
                case Unsubscribe() as unwanted:
                    self._unsubscribe(unwanted)
        except Misunderstood as error:
            self._say({"type": "error", "detail": str(error)})
        except UNAVAILABLE:
            self._say({"type": "error", "detail": "the project cannot be looked up at the moment: say it again soon"})

    async def _subscribe(self, wanted: Subscribe) -> None:
        if None in self.running or (self.running and wanted.project_id is None) or wanted.project_id in self.running:
            raise Misunderstood("this overlaps with what the socket is subscribed to: unsubscribe from that first")
        if len(self.running) >= MAX_SUBSCRIPTIONS:
            raise Misunderstood(f"a socket has {MAX_SUBSCRIPTIONS} subscriptions at most")
        principal = self.connection.principal
        if wanted.project_id and not await self.sockets.shows(wanted.project_id, principal):
            raise Misunderstood(f"there is no project {wanted.project_id}")
        if not self.seat.subscribe():
            raise Misunderstood(f"you have {self.seat.most} subscriptions here, as many as one may have: close some")
        self._say({"type": "subscribed", "project_id": scope(wanted.project_id)})
        self.begin(wanted.interest(principal.tenant), wanted.since, wanted.epoch)

    def _unsubscribe(self, unwanted: Unsubscribe) -> None:
        interest, task = self.running.pop(unwanted.project_id, (None, None))
        if interest is None or task is None:
            raise Misunderstood("the socket is not subscribed to this")
        task.cancel()
        self.seat.unsubscribe()
        self.connection.interests.discard(interest)
        self.sockets.audience.leave(interest, self.connection)
        self._say({"type": "unsubscribed", "project_id": scope(unwanted.project_id)})

    def begin(self, interest: Interest, since: int | None, epoch: UUID | None) -> None:
        """Have a subscription catch up and go live."""
        self.connection.interests.add(interest)
        self.connection.reached[interest] = self.sockets.position if since is None else since
        self.running[interest.project_id] = (interest, asyncio.create_task(self._run(interest, since, epoch)))

    async def _run(self, interest: Interest, since: int | None, epoch: UUID | None) -> None:
        try:
            await subscribe(self.sockets, self.connection, interest, since, epoch)
        except UnknownPosition as error:
            self.connection.close(RESTORED, str(error))
        except Exception:
            log.exception("subscription_failed", since=since)
            self.connection.close(WSCloseCode.INTERNAL_ERROR, _FAULT)

    def _say(self, content: dict[str, object]) -> None:
        self.connection.write(text_frame(content))

    async def end(self) -> None:
        """Stop everything that runs for this socket."""
        self.sockets.leave(self.connection)
        tasks = [task for _, task in self.running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.connection.closed()


async def converse(
    call: Call[None, Any], interest: Interest, since: int | None, epoch: UUID | None
) -> web.WebSocketResponse:
    """Carry one socket from its handshake to its end. Raises `Denied` (429) where its principal has too many."""
    gateway = call.gateway
    with gateway.sockets.seats.take(call.principal) as seat:
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, autoping=False, compress=False, max_msg_size=MAX_MESSAGE)
        await socket.prepare(call.request)
        connection = Connection(call.request, socket, call.principal)
        await _carry(Conversation(gateway.sockets, gateway.door, connection, seat), socket, interest, since, epoch)
    return socket


async def _carry(
    conversation: Conversation,
    socket: web.WebSocketResponse,
    interest: Interest,
    since: int | None,
    epoch: UUID | None,
) -> None:
    conversation.sockets.enter(conversation.connection)
    try:
        conversation.begin(interest, since, epoch)
        await conversation.hear(socket)
    except Exception:  # an answer of HTTP would be nonsense on a socket
        log.exception("socket_failed")
        conversation.connection.close(WSCloseCode.INTERNAL_ERROR, _FAULT)
    finally:
        await conversation.end()
