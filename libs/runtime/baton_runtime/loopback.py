"""Which names and addresses stand for this machine, and where it reaches what listens on one."""

import ipaddress
from typing import Final

_NAME: Final = "localhost"
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared, not bound


def is_loopback(name: str) -> bool:
    """Tell whether a name stands for this machine, whatever a resolver says."""
    if name == _NAME:
        return True
    try:
        address = ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def local_url(host: str, port: int | str) -> str:
    """Return where this machine reaches a gateway that listens on an address."""
    name = _EVERYWHERE.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"
