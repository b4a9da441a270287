"""Whether the gateway of a `baton up` asks who comes in, where BATON_AUTH does not say.

It asks as soon as an OpenID provider is named or a key was ever made, one that was revoked since too. Otherwise it is
open, and then to this machine alone. It is decided once, at the start, when the schema is there to be asked.
"""

import shlex
import socket
from typing import TYPE_CHECKING, Literal

from baton_cli.trouble import Trouble

if TYPE_CHECKING:
    import asyncpg

    from baton_runtime.settings import Settings


def check_address(settings: "Settings") -> None:
    """Raise `Trouble` for an address that stands for nothing, and for one that others reach while nobody is asked."""
    if settings.auth == "off":
        refuse_strangers(settings)
    else:
        _addresses(settings.host)


async def decide(settings: "Settings", database: "asyncpg.Connection | asyncpg.Pool") -> "Settings":
    """Return the settings with `auth` said. Raises `Trouble` where strangers would come in unasked."""
    auth = settings.auth or ("on" if settings.oidc_issuer else await _by_keys(database))
    decided = settings.model_copy(update={"auth": auth})
    check_address(decided)
    return decided


async def _by_keys(database: "asyncpg.Connection | asyncpg.Pool") -> Literal["on", "off"]:
    from baton_eventlog.sql import load_queries  # noqa: PLC0415 (loaded by now)

    return "on" if await database.fetchval(load_queries("baton_cli", "admission.sql")["any_key"]) else "off"


def describe(settings: "Settings") -> str:
    """Say for the ready line who may come in."""
    from baton_runtime.loopback import is_loopback  # noqa: PLC0415 (loaded by now)

    if settings.auth == "off":
        return "open to this machine only"
    asks = "asks for a token or a key" if settings.oidc_issuer else "asks for a key: baton keys create"
    return asks if is_loopback(settings.host) else f"others reach it at {settings.host}, over plain HTTP; {asks}"


def refuse_strangers(settings: "Settings") -> None:
    """Raise `Trouble` for an address that other machines reach."""
    from baton_runtime.loopback import is_loopback  # noqa: PLC0415 (heavy: only when needed)

    if all(map(is_loopback, _addresses(settings.host))):
        return
    where = "" if settings.database_url else f" --data-dir {shlex.quote(str(settings.data_dir))}"
    raise Trouble(
        f"Baton does not listen on {settings.host} without authentication: everyone who reaches that address could "
        f"read and change every project. Make a key first, with `baton keys create --role admin{where}`, or name an "
        "OpenID provider in BATON_OIDC_ISSUER and BATON_OIDC_AUDIENCE, and leave BATON_AUTH unset or on. Or leave "
        "--host at 127.0.0.1."
    )


def _addresses(host: str) -> set[str]:
    """Return what a name stands for; an address stands for itself."""
    try:
        return {str(found[4][0]).partition("%")[0] for found in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Trouble(
            f"Cannot resolve {host}, the address to listen on ({reason}). Correct --host or BATON_HOST; 127.0.0.1 "
            "is this machine alone."
        ) from error
