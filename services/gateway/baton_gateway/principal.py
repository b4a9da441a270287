"""Who is asking."""

from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Principal:
    """An actor, as it stands in the log, and the tenant whose projects it works on."""

    actor: str
    tenant: str


def principal_of(_: web.Request) -> Principal:
    """Return who sent a request: the one user of a gateway that is open to its own machine."""
    return Principal(actor="user", tenant="default")
