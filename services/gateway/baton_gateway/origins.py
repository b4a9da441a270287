"""Where a request may come from: the name that it asks for us by (Host), and the site whose page sends it (Origin).

A gateway that asks nobody who they are trusts whoever reaches it. So a page of another site must not reach it through
the user's browser: not by a name of its own that leads here (DNS rebinding: Host), and not by a request or a socket
from its own site (Origin). Where everybody brings a key there is nothing to ride on, and Host is checked where a list
says.

What does not read as a plain name or address, with a port at most, is nobody's: no user, path or zone, and no other
spelling of an address (`0x7f.1`, `2130706433`). What a proxy says of where a request came from (`X-Forwarded-Host`)
counts for nothing.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from aiohttp import web

from baton_gateway.problems import Denied
from baton_runtime.loopback import is_loopback

_SHOWN: Final = 100
_AUTHORITY: Final = re.compile(r"(\[[0-9a-f:.]++\]|[a-z0-9_-]++(?:\.[a-z0-9_-]++)*+)\.?(?::([0-9]{1,5}))?")
_ORIGIN: Final = re.compile(r"(https?)://(.*)")
_ABSOLUTE: Final = re.compile(r"[a-z][a-z0-9+.-]*+://([^/?#]*)", re.IGNORECASE)
_USUAL: Final = {"http": 80, "https": 443}
_OWN_SITES: Final = frozenset({"same-origin", "none"})


class Authority(NamedTuple):
    """A name or an address, and a port where one is given."""

    name: str
    port: int | None


class Origin(NamedTuple):
    """A site: what a browser calls the origin of its pages."""

    scheme: str
    name: str
    port: int


class Neighbourhood:
    """The hosts that this gateway is asked for by, and the origins whose pages may use it.

    `hosts` is None where any will do. `local` says that it listens on this machine alone: then pages of this machine
    may use it whatever their port, such as a frontend's development server.
    """

    def __init__(self, hosts: Iterable[str] | None, origins: Iterable[str], *, local: bool) -> None:
        self._hosts = None if hosts is None else frozenset(map(_named, hosts))
        self._listed = frozenset(filter(None, map(origin_of, origins)))
        self._local = local

    @property
    def shares(self) -> bool:
        """Whether pages of any other site may read what it answers."""
        return bool(self._listed)

    def check_host(self, request: web.Request) -> None:
        """Raise `Denied` (421) for a name that is none of ours, wherever the request says it, or for none."""
        if self._hosts is None:
            return
        for name in _asked_for(request) or [""]:
            asked = authority_of(name)
            if asked is None or not (asked.name in self._hosts or is_loopback(asked.name)):
                detail = (
                    f"This gateway does not answer to {name[:_SHOWN]!r}; name it in BATON_ALLOWED_HOSTS if it should."
                )
                raise Denied(421, "Misdirected request", detail)

    def check_origin(self, request: web.Request) -> None:
        """Raise `Denied` (403) for a page of a site that is not allowed."""
        origins = request.headers.getall("Origin", ())
        if not origins:
            _check_site(request)
        elif len(origins) > 1 or not self._is_welcome(origins[0], request):
            detail = (
                f"Pages of {origins[0][:_SHOWN]!r} may not use this gateway; name it in BATON_ALLOWED_ORIGINS if they "
                "should."
            )
            raise Denied(403, "Origin not allowed", detail)

    def check_reader(self, request: web.Request) -> None:
        """Raise `Denied` (403) where a browser reads for a page of another site, which could not see it anyway.

        A person who follows a link from there is let in.
        """
        site, mode = request.headers.get("Sec-Fetch-Site", ""), request.headers.get("Sec-Fetch-Mode", "")
        if site.lower() == "cross-site" and mode.lower() != "navigate":
            self.check_origin(request)

    def is_listed(self, text: str) -> bool:
        """Tell whether an `Origin` is one of another site that the settings allow."""
        return origin_of(text) in self._listed

    def _is_welcome(self, text: str, request: web.Request) -> bool:
        origin = origin_of(text)
        if origin is None:
            return False
        return origin in self._listed or (self._local and is_loopback(origin.name)) or _is_own(origin, request)


def authority_of(text: str) -> Authority | None:
    """Return what a `Host` says, None where it does not read as a name or an address."""
    found = _AUTHORITY.fullmatch(text.lower())
    return Authority(found[1], int(found[2]) if found[2] else None) if found else None


def origin_of(text: str) -> Origin | None:
    """Return what an `Origin` says, None where it is `null` or not one."""
    found = _ORIGIN.fullmatch(text.lower())
    authority = authority_of(found[2]) if found else None
    if found is None or authority is None:
        return None
    return Origin(found[1], authority.name, _USUAL[found[1]] if authority.port is None else authority.port)


def _named(host: str) -> str:
    """Return a name of the settings as it stands in a request: IPv6 in brackets, other scripts as Punycode."""
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    try:
        authority = authority_of(host.encode("idna").decode())
    except UnicodeError:
        authority = None
    return authority.name if authority else host.lower()


def _asked_for(request: web.Request) -> Sequence[str]:
    """Return every name that a request gives its server: a target in absolute form has one beside `Host`."""
    absolute = _ABSOLUTE.match(request.raw_path)
    return [*request.headers.getall("Host", ()), *(absolute.groups() if absolute else ())]


def _is_own(origin: Origin, request: web.Request) -> bool:
    """Tell whether a page came from the very name and port that its request goes to."""
    for name in _asked_for(request):
        host = authority_of(name)
        if host is None or host.name != origin.name:
            return False
        if (_USUAL[origin.scheme] if host.port is None else host.port) != origin.port:
            return False
    return "Host" in request.headers


def _check_site(request: web.Request) -> None:
    """Raise `Denied` (403) where a browser says that another site asks, and hides which."""
    for site in request.headers.getall("Sec-Fetch-Site", ()):
        if site.lower() not in _OWN_SITES:
            raise Denied(403, "Origin not allowed", "Pages of other sites may use this gateway with an Origin alone.")
