"""A real RabbitMQ for tests, and a virtual host of its own for each test.

`rabbitmq()` takes the first of: `BATON_TEST_AMQP_URL`; a container, where a Docker engine answers; a private node of
the installed server; the same after installing it with apt, as root on Debian. Where none is to be had the tests
are skipped in plain words, and under `CI=true` they fail. The management API is always reached at the AMQP port plus
10,000, as RabbitMQ has it by default (5672 and 15672): through it each test gets its virtual host in milliseconds.
"""

import base64
import contextlib
import http.client
import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from support import debian
from support.lacking import do_without
from support.rabbit_node import MANAGEMENT_OFFSET, PrivateRabbit, free_pair, server_program

_WITHOUT = (
    "NO RABBITMQ: its tests did not run. Set BATON_TEST_AMQP_URL, start Docker, or install the package "
    "rabbitmq-server (as root on Debian the tests install it themselves)."
)
_IMAGE = "rabbitmq:4-management"
_DOCKER_SECONDS = 5
_API_SECONDS = 30


@contextlib.contextmanager
def rabbitmq() -> Iterator[str]:
    """Give the AMQP URL of a broker for as long as the context lasts; skip (in CI: fail) where there is none."""
    given = os.environ.get("BATON_TEST_AMQP_URL")
    if given:
        yield given
    elif _docker_answers():
        with _container() as url:
            yield url
    else:
        with tempfile.TemporaryDirectory(prefix="baton-rabbit-") as directory, private_rabbit(Path(directory)) as node:
            yield node.start()


@contextlib.contextmanager
def private_rabbit(directory: Path) -> Iterator[PrivateRabbit]:
    """Give a node to start, kill and wipe, not started yet; skip (in CI: fail) where no server can be installed."""
    if server_program() is None and not debian.install("rabbitmq-server"):
        do_without(_WITHOUT)
    node = PrivateRabbit(directory)
    try:
        yield node
    finally:
        node.kill()  # its data are for nobody now, and a shutdown in good order takes 6 s


def new_vhost(url: str) -> str:
    """Make a virtual host on the broker of `url` and give its URL: nothing else sees its queues and exchanges."""
    name = f"test-{secrets.token_hex(8)}"
    user = urlsplit(url).username or "guest"
    _manage(url, "PUT", f"/api/vhosts/{name}")
    _manage(url, "PUT", f"/api/permissions/{name}/{user}", {"configure": ".*", "write": ".*", "read": ".*"})
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def with_user(url: str, name: str, password: str) -> str:
    """Make a user of a virtual host, and give the URL as that user."""
    _manage(url, "PUT", f"/api/users/{name}", {"password": password, "tags": ""})
    vhost = urlsplit(url).path[1:]
    _manage(url, "PUT", f"/api/permissions/{vhost}/{name}", {"configure": ".*", "write": ".*", "read": ".*"})
    place = urlsplit(url).netloc.rpartition("@")[2]
    return urlunsplit(urlsplit(url)._replace(netloc=f"{name}:{quote(password, safe='')}@{place}"))


def drop_user(url: str, name: str) -> None:
    """Delete a user of the broker."""
    _manage(url, "DELETE", f"/api/users/{name}")


def drop_vhost(url: str) -> None:
    """Delete the virtual host of `url` with all that is in it; its connections are closed by the broker."""
    _manage(url, "DELETE", f"/api/vhosts/{urlsplit(url).path[1:]}")


def _manage(url: str, method: str, path: str, body: object = None) -> None:
    parts = urlsplit(url)
    user, password = unquote(parts.username or "guest"), unquote(parts.password or "guest")
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    port = (parts.port or 5672) + MANAGEMENT_OFFSET
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(parts.hostname or "localhost", port, timeout=_API_SECONDS)
    with contextlib.closing(connection):
        connection.request(method, path, body=json.dumps(body or {}), headers=headers)
        answer = connection.getresponse()
        if answer.status not in {200, 201, 204}:
            raise RuntimeError(
                f"RabbitMQ's management API at port {port} answered {answer.status} to {method} {path}: "
                f"{answer.read(500)!r}. The tests need it to keep apart: enable the plugin rabbitmq_management."
            )


@contextlib.contextmanager
def _container() -> Iterator[str]:
    from testcontainers.community.rabbitmq import RabbitMqContainer  # noqa: PLC0415  (slow, and seldom needed)

    port, management = free_pair()
    container = RabbitMqContainer(_IMAGE).with_bind_ports(5672, port).with_bind_ports(15672, management)
    with container:
        yield f"amqp://guest:guest@{container.get_container_host_ip()}:{port}/"


def _docker_answers() -> bool:
    """Ask for the engine's version: a client without an engine is common."""
    words = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        return subprocess.run(words, capture_output=True, timeout=_DOCKER_SECONDS, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
