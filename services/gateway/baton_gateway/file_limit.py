"""How many connections a process can have: what it may open, less what it needs for itself."""

import math
import resource
from typing import Final

_RESERVE: Final = 256  # the database, the bus, files, and connections that are closing


def connections_within(wanted: int) -> int:
    """Return how many of the connections that are wanted this process can have, after its soft limit was raised."""
    soft, hard = map(_number, resource.getrlimit(resource.RLIMIT_NOFILE))
    needed = min(wanted + _RESERVE, hard)  # and no more: some programs begin by closing all that they may have open
    if soft < needed and _raise(int(needed)):
        soft = needed
    return int(min(wanted, soft - min(_RESERVE, soft / 2)))


def _number(limit: int) -> float:
    return math.inf if limit == resource.RLIM_INFINITY else limit


def _raise(soft: int) -> bool:
    """Raise the soft limit; tell whether the system let us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    except (ValueError, OSError):
        return False
    return True
