"""Who hears what live: the open sockets by what they subscribed to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from baton_contracts import parts
from baton_gateway.connection import Connection
from baton_gateway.told import Interest, Scope, Told, scopes_of, text_frame


class Audience:
    """Connections by their live interests; those of one interest are served from one buffer."""

    def __init__(self) -> None:
        self._by_scope: dict[Scope, dict[Interest, set[Connection]]] = defaultdict(dict)

    def join(self, interest: Interest, connection: Connection) -> None:
        """Have a connection hear what follows."""
        self._by_scope[interest.scope].setdefault(interest, set()).add(connection)

    def leave(self, interest: Interest, connection: Connection) -> None:
        """Have it hear no more of this."""
        interests = self._by_scope.get(interest.scope, {})
        members = interests.get(interest, set())
        members.discard(connection)
        if not members:
            interests.pop(interest, None)
        if not interests:
            self._by_scope.pop(interest.scope, None)

    def tell(self, told: Sequence[Told]) -> None:
        """Write a batch of events to everybody who wants some of it: one write a connection and interest."""
        position = told[-1].position
        heard: set[Connection] = set()
        for interest, pieces in self._pieces(told).items():
            frames = b"".join(pieces)
            members = self._by_scope[interest.scope][interest]
            gone = [connection for connection in members if not connection.write(frames)]
            heard.update(members)
            for connection in gone:
                self.leave(interest, connection)
        for connection in heard:  # only now: one that was let go in between has not heard all of this batch
            connection.heard(position)

    def offer(self, part: parts.MessagePart, tenant: str | None) -> None:
        """Write a part of a message to everybody who wants it and has room for what may be lost."""
        frame = text_frame(part.frame())
        for interest in self._interested(scopes_of(part.project_id, tenant)):
            if not interest.types or parts.FRAME_TYPE in interest.types:
                for connection in self._by_scope[interest.scope][interest]:
                    connection.offer(frame)

    def _pieces(self, told: Sequence[Told]) -> dict[Interest, list[bytes]]:
        pieces: dict[Interest, list[bytes]] = defaultdict(list)
        for one in told:
            for interest in self._interested(self._all_tenants(one) if one.common else one.scopes):
                pieces[interest].append(one.wire(interest.types))
        return pieces

    def _interested(self, scopes: Iterable[Scope]) -> Iterator[Interest]:
        for scope in scopes:
            yield from self._by_scope.get(scope, ())

    def _all_tenants(self, one: Told) -> list[Scope]:
        return [*one.scopes, *(scope for scope in self._by_scope if isinstance(scope, str))]
