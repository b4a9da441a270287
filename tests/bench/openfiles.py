"""How many sockets a process may have open, raised as far as the machine allows."""

import resource
from typing import Final

_SPARE: Final = 200  # for the log, PostgreSQL and the interpreter


class TooFewFiles(Exception):
    """The machine does not let a process open so many sockets; the message says how to allow it."""


def allow_sockets(wanted: int) -> None:
    """Let this process open so many sockets. Raises `TooFewFiles`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _SPARE
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise TooFewFiles(f"not measured: this machine allows {hard:,} open files (ulimit -Hn), {needed:,} are needed")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
