"""From a resume token to live: what a subscription missed, in order, then its place among those who listen.

It never goes beyond what live listeners were told, and joins them at that very position, with nothing awaited between
the look and the joining: so nothing is missed at the seam, and nothing told twice.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from baton_eventlog.reader import LogRewound
from baton_gateway.connection import Connection
from baton_gateway.sockets import ANEW, Sockets
from baton_gateway.told import Interest, Told, text_frame

_PIECE: Final = 128 << 10


class UnknownPosition(Exception):
    """A resume token names no place in this log; the message says why, and that `since` must go."""


async def subscribe(
    sockets: Sockets, connection: Connection, interest: Interest, since: int | None, epoch: UUID | None
) -> None:
    """Have a connection hear what it missed since a position, then what happens; returns when it is live.

    Raises `UnknownPosition`, also where the log turns out to be another one on the way, and `LogGap`.
    """
    try:
        position = await _begin(sockets, since, epoch)
        of = sockets.epoch
        while position < sockets.position:
            connection.reached[interest] = position
            told, position = await sockets.backlog.after(position, sockets.position, interest.project_id)
            if not await _send(connection, told, interest):
                return
        if sockets.epoch != of:
            raise UnknownPosition(ANEW)
    except LogRewound as error:
        raise UnknownPosition(ANEW) from error
    finally:
        connection.reached.pop(interest, None)
    sockets.audience.join(interest, connection)
    connection.heard(position)
    connection.write(text_frame(_caught_up(sockets, interest)))


async def _begin(sockets: Sockets, since: int | None, epoch: UUID | None) -> int:
    """Return the position to begin after. Raises `UnknownPosition`."""
    while sockets.epoch is None:
        await sockets.moved()
    if epoch not in (None, sockets.epoch):
        raise UnknownPosition("since is of another log (epoch): begin anew, without since")
    if since is None:
        return sockets.position
    if since > sockets.position and since > (await sockets.head())[0]:
        raise UnknownPosition("since is beyond the head of the log: begin anew, without since")
    while since > sockets.position:
        await sockets.moved()
    return since


async def _send(connection: Connection, told: Sequence[Told], interest: Interest) -> bool:
    """Write what was missed, in pieces, each when the client has taken the one before; False when it is gone."""
    pieces: list[bytes] = []
    size = 0
    for one in told:
        if one.concerns(interest.scope):
            pieces.append(one.wire(interest.types))
            size += len(pieces[-1])
        if size > _PIECE:
            if not connection.write(b"".join(pieces)) or not await connection.drained():
                return False
            connection.reached[interest] = one.position
            pieces, size = [], 0
    return connection.write(b"".join(pieces)) and await connection.drained()


def _caught_up(sockets: Sockets, interest: Interest) -> dict[str, object]:
    frame: dict[str, object] = {
        "event_type": "caught_up",
        "position": sockets.position,
        "epoch": str(sockets.epoch),
    }
    return frame | ({"project_id": str(interest.project_id)} if interest.project_id else {})
