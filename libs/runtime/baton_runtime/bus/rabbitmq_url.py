"""The broker's URL, checked before anything connects; it holds a password and is never shown."""

from typing import Final

from aio_pika.connection import make_url
from yarl import URL

HEARTBEAT: Final = 5
"""Seconds; the broker notices a dead client after two of them, the client a dead broker after (5 + 1) * 3 s."""


def parse(url: str) -> URL:
    """Return the URL with a heartbeat. Raises `ValueError` where it is none."""
    try:
        parsed = make_url(url)
        valid = parsed.scheme in {"amqp", "amqps"} and bool(parsed.host)
    except ValueError:
        valid = False
    if not valid:  # the URL itself is not shown: it may hold a password
        raise ValueError(
            "The AMQP URL is not one: it must read amqp://user:password@host:port/vhost (or amqps://), with "
            "special characters in user and password percent-encoded. Set BATON_AMQP_URL accordingly."
        )
    return parsed if "heartbeat" in parsed.query else parsed.update_query(heartbeat=HEARTBEAT)
