"""Keeping tests on one broker apart: a virtual host for each, or one after the other where that cannot be had.

Virtual hosts are made through the management API. A broker that somebody names in `BATON_TEST_AMQP_URL` may not have
it: then the tests that run whole services take turns (over all workers) on the virtual host of that URL, and the
queues of the one before are deleted.
"""

import asyncio
import contextlib
import fcntl
import functools
import http.client
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika

from baton_contracts.routes import SERVICE_QUEUES, agent_queue
from baton_runtime.bus import DEAD
from support.rabbit_node import MANAGEMENT_OFFSET
from support.rabbitmq import drop_vhost, new_vhost

AGENTS = ("analyst", "architect", "coder", "tester", "deployer")
QUEUES = (*SERVICE_QUEUES, DEAD, *map(agent_queue, AGENTS))
_SECONDS = 10


@contextlib.contextmanager
def own_vhost(url: str) -> Iterator[str]:
    """Give the URL of a virtual host whose queues nobody else uses meanwhile."""
    if has_management(url):
        mine = new_vhost(url)
        try:
            yield mine
        finally:
            drop_vhost(mine)
    else:
        with _turn():
            asyncio.run(sweep(url))
            yield url
            asyncio.run(sweep(url))


@functools.cache
def has_management(url: str) -> bool:
    """Tell whether the broker's management API answers at its port plus 10,000."""
    parts = urlsplit(url)
    port = (parts.port or 5672) + MANAGEMENT_OFFSET
    connection = http.client.HTTPConnection(parts.hostname or "localhost", port, timeout=_SECONDS)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/api/overview")
            return connection.getresponse().status in {200, 401}
        except (OSError, http.client.HTTPException):
            return False


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    with Path(tempfile.gettempdir(), f"baton-tests-broker-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def sweep(url: str) -> None:
    """Delete the queues that Baton's services declare."""
    connection = await aio_pika.connect(url, timeout=_SECONDS)
    async with connection, connection.channel() as channel:
        for queue in QUEUES:
            await channel.queue_delete(f"baton.{queue}", timeout=_SECONDS)
