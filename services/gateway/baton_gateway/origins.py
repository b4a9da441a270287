"""Where a request may come from: the name that it asks for us by (Host), and the site whose page sends it (Origin).

A gateway that asks nobody who they are trusts whoever reaches it. So a page of another site must not reach it through
the user's browser: not by a name of its own that leads here (DNS rebinding: Host), and not by a request or a socket from
its own site (Origin). Where everybody brings a key there is nothing to ride on, and Host is checked where a list says.
"""

import ipaddress
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from baton_gateway.problems import Denied

_LOOPBACK: Final = "localhost"


class Neighbourhood:
    """The hosts that this gateway is asked for by, and the origins whose pages may use it.

    `hosts` is None where any will do. `local` says that it listens on this machine alone: then pages of this machine may
    use it whatever their port, such as a frontend's development server.
    """

    def __init__(self, hosts: Iterable[str] | None, origins: Iterable[str], *, local: bool) -> None:
        self._hosts = None if hosts is None else frozenset(map(str.lower, hosts))
        self.origins = frozenset(map(str.lower, origins))
        self._local = local

    def check_host(self, request: web.Request) -> None:
        """Raise `Denied` (421) for a name that is none of ours."""
        name = name_of(request.host)
        if self._hosts is not None and name not in self._hosts and not is_loopback(name):
            detail = f"This gateway does not answer to {name!r}; name it in BATON_ALLOWED_HOSTS if it should."
            raise Denied(421, "Misdirected request", detail)

    def check_origin(self, request: web.Request) -> None:
        """Raise `Denied` (403) for a page of a site that is not allowed."""
        for origin in request.headers.getall("Origin", ()):
            if not self._welcome(origin.lower(), request.host.lower()):
                detail = f"Pages of {origin[:200]!r} may not use this gateway; name it in BATON_ALLOWED_ORIGINS if they should."
                raise Denied(403, "Origin not allowed", detail)

    def _welcome(self, origin: str, host: str) -> bool:
        if origin in self.origins:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            return False
        return parts.netloc == host or (self._local and is_loopback(name_of(parts.netloc)))


def name_of(authority: str) -> str:
    """Return the name in a Host or an Origin, without its port."""
    bracket = authority.rpartition("]")
    name = bracket[0] + bracket[1] if bracket[1] else authority.partition(":")[0]
    return name.lower()


def is_loopback(name: str) -> bool:
    """Tell whether a name stands for this machine, whatever a resolver says."""
    if name == _LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
