"""The settings that a command runs with: the environment's, and what its options say instead."""

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

from baton_cli.trouble import Trouble

if TYPE_CHECKING:
    from baton_runtime.settings import Settings


def read_settings(*, host: str | None = None, port: int | None = None, data_dir: Path | None = None) -> "Settings":
    """Return the settings; an option left out (None) is the environment's. Raises `Trouble`."""
    from pydantic import ValidationError  # noqa: PLC0415 (heavy: only when needed)

    from baton_runtime.settings import Settings  # noqa: PLC0415

    given = {"host": host, "port": port, "data_dir": data_dir}
    try:
        settings = Settings.model_validate(
            Settings().model_dump() | {name: value for name, value in given.items() if value is not None}
        )
    except ValidationError as error:
        wrong = "; ".join(f"BATON_{fault['loc'][0]}".upper() + f": {fault['msg']}" for fault in error.errors())
        raise Trouble(f"The settings do not fit: {wrong}. Correct the environment variable or the option.") from None
    refuse_strangers(settings.host)
    return settings


def refuse_strangers(host: str) -> None:
    """Raise `Trouble` for an address that other machines reach: nothing here asks who they are yet."""
    if host == "localhost":
        return
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise Trouble(
            f"Baton does not listen on {host}: it has no authentication yet, so everyone who reaches that address "
            "could read and change every project. Leave --host at 127.0.0.1; to let others in, put a proxy that asks "
            "for a password in front of it."
        )
