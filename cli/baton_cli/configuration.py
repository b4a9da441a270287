"""The settings that a command runs with: the environment's, and what its options say instead."""

import ipaddress
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from baton_cli.trouble import Trouble

if TYPE_CHECKING:
    from baton_runtime.settings import Settings


def read_settings(*, host: str | None = None, port: int | None = None, data_dir: Path | None = None) -> "Settings":
    """Return the settings; an option left out (None) is the environment's. Raises `Trouble` or `UnfitSettings`."""
    from baton_runtime.settings import load_settings  # noqa: PLC0415 (heavy: only when needed)

    settings = load_settings(host=host, port=port, data_dir=data_dir)
    refuse_strangers(settings.host)
    return settings


def refuse_strangers(host: str) -> None:
    """Raise `Trouble` for an address that other machines reach: nothing here asks who they are yet."""
    if host == "localhost" or all(ipaddress.ip_address(address).is_loopback for address in _addresses(host)):
        return
    raise Trouble(
        f"Baton does not listen on {host}: it has no authentication yet, so everyone who reaches that address "
        "could read and change every project. Leave --host at 127.0.0.1; to let others in, put a proxy that asks "
        "for a password in front of it."
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
