"""How many sockets and subscriptions each principal has at this gateway, counted exactly however a socket ends."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from baton_gateway.principal import Principal
from baton_gateway.problems import Denied

_RETRY_AFTER: Final = 5


@dataclass(slots=True)
class Share:
    """What one principal has."""

    sockets: int = 0
    subscriptions: int = 0


@dataclass(slots=True)
class Seat:
    """A socket's place, and how many subscriptions it holds of its principal's."""

    share: Share
    most: int
    subscriptions: int = 0

    def subscribe(self) -> bool:
        """Count one more; False where its principal has all that it may have."""
        if self.share.subscriptions >= self.most:
            return False
        self.share.subscriptions += 1
        self.subscriptions += 1
        return True

    def unsubscribe(self, subscriptions: int = 1) -> None:
        """Count some less."""
        self.share.subscriptions -= subscriptions
        self.subscriptions -= subscriptions


class Seats:
    """The places of this gateway: so many sockets and subscriptions for each principal."""

    def __init__(self, sockets: int, subscriptions: int) -> None:
        self._sockets = sockets
        self.subscriptions: Final = subscriptions
        self._shares: dict[tuple[str | None, str], Share] = {}

    @contextlib.contextmanager
    def take(self, principal: Principal) -> Iterator[Seat]:
        """Give a place to a socket that begins with one subscription. Raises `Denied` (429)."""
        whose = principal.tenant, principal.actor
        share = self._shares.get(whose) or Share()
        if share.sockets >= self._sockets:
            raise _too_many(f"You have {self._sockets} open sockets here, which is as many as one may have")
        if share.subscriptions >= self.subscriptions:
            raise _too_many(f"You have {self.subscriptions} subscriptions here, which is as many as one may have")
        seat = Seat(share, self.subscriptions)
        seat.subscribe()
        share.sockets += 1
        self._shares[whose] = share
        try:
            yield seat
        finally:
            share.sockets -= 1
            seat.unsubscribe(seat.subscriptions)
            if not share.sockets:
                del self._shares[whose]


def _too_many(what: str) -> Denied:
    return Denied(429, "Too many sockets", f"{what}; close some.", headers={"Retry-After": str(_RETRY_AFTER)})
