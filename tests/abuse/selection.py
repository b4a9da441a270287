"""All bad inputs by kind, and the part of them that a short run tries: some of every kind, the same ones every time."""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from abuse import bodies, credentials, documents, headers, methods, paths, queries, raw, sockets
from abuse.bad import Bad, World

OPEN: Final[dict[str, Callable[[World], Iterable[Bad]]]] = {
    "paths": paths.tricks,
    "types": bodies.confused,
    "extras": bodies.privileged,
    "json": documents.broken,
    "labels": documents.mislabelled,
    "queries": queries.nonsense,
    "methods": methods.tampered,
    "routes": methods.nearly,
    "headers": headers.astray,
    "raw": raw.nearly_http,
    "handshakes": sockets.handshakes,
    "slow": raw.slow,
    "said": sockets.said,
}
GUARDED: Final[dict[str, Callable[[World], Iterable[Bad]]]] = {
    "strangers": credentials.strangers,
    "past the door": credentials.past_the_door,
}
_WHOLE: Final = {"raw", "slow"}  # these are of one piece each, so a part would leave something out
_SOME: Final = 120


def chosen(kind: str, world: World, *, full: bool) -> Sequence[Bad]:
    """Return the inputs of a kind, all of them where it is `full`."""
    inputs = list((OPEN | GUARDED)[kind](world))
    if full or kind in _WHOLE or len(inputs) <= _SOME:
        return inputs
    return random.Random(kind).sample(inputs, _SOME)  # noqa: S311 - the same ones every time
