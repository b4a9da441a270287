"""Which names and addresses stand for this machine alone."""

import ipaddress
from typing import Final

_NAME: Final = "localhost"


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
