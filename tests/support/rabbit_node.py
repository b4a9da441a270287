"""A private RabbitMQ node: own ports, directories, cookie and name service, all on 127.0.0.1, nothing left behind.

It is the installed server's own program, run as the present user: the Debian wrapper would change the user and the
directories. The node and its epmd are killed by the kernel should the tests die (where `setpriv` is at hand).
"""

import base64
import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from baton_cli import tied_process

MANAGEMENT_OFFSET = 10_000
_READY_SECONDS = 90.0
_PAUSE_SECONDS = 0.1
_LOG_LINES = 20
_STOP = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0))
_KILL = ((signal.SIGKILL, 5.0),)
_PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"


class PrivateRabbit:
    """One broker that a test may start, stop, kill and wipe; it keeps its URL through all of that.

    The user is `guest` with all rights, the virtual host `/`. `wipe` also forgets every other virtual host.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port, self._management = free_pair()
        self._epmd_port, self._distribution = free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self._port}/"

    def start(self) -> str:
        """Start epmd and the node, wait until it takes AMQP connections (90 s at most), and give its URL."""
        program = server_program()
        if program is None:
            raise RuntimeError("rabbitmq-server is not installed: install the package, or use rabbitmq() instead.")
        self._directory.mkdir(parents=True, exist_ok=True)
        (self._directory / "plugins").write_text("[rabbitmq_management].\n")
        (self._directory / "rabbitmq.conf").write_text(
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {self._management}\n"
        )
        try:
            self._spawn(shutil.which("epmd") or "epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1")
            self._spawn(program)
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self.url

    def stop(self) -> None:
        """Shut the node down in good order, and its epmd with it; may be called again."""
        self._end(_STOP)

    def kill(self) -> None:
        """End the node as a power cut would; what it had made durable is there at the next start.

        RabbitMQ 3.10 writes queues themselves down some 5 s late. Killed before that, a new queue is gone, or a quorum
        queue comes back without a leader and answers nothing (rabbitmq-server issue 10070): let queues grow older.
        """
        self._end(_KILL)

    def wipe(self) -> None:
        """Kill the node and delete all that it kept: the next start is that of a new broker."""
        self.kill()
        shutil.rmtree(self._directory / "data", ignore_errors=True)

    def _end(self, steps: tuple[tuple[int, float], ...]) -> None:
        while self._processes:
            tied_process.end(self._processes.pop(), steps)

    def _spawn(self, *command: str) -> None:
        with (self._directory / "output.log").open("ab") as output:
            words = [*tied_process.tie("KILL"), *command]
            self._processes.append(tied_process.spawn(words, environment=self._environment(), output=output))

    def _environment(self) -> dict[str, str]:
        here = self._directory
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(here),  # the Erlang cookie lies there
            "ERL_CRASH_DUMP": str(here / "crash.dump"),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "baton-test@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(here / "data"),
            "RABBITMQ_LOG_BASE": str(here / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(here / "no-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "plugins"),
            # The script then becomes the node itself instead of a parent of it, so signals reach the node.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and all(process.poll() is None for process in self._processes):
            if self._listens():
                return
            time.sleep(_PAUSE_SECONDS)
        lines = (self._directory / "output.log").read_text(errors="replace").splitlines()
        raise RuntimeError(
            f"The private RabbitMQ node did not get ready within {_READY_SECONDS:.0f} s. Its last words:\n"
            + "\n".join(lines[-_LOG_LINES:])
        )

    def _listens(self) -> bool:
        """Ask the node whether its AMQP listener is up: an open port alone may belong to a boot that goes on."""
        connection = http.client.HTTPConnection("127.0.0.1", self._management, timeout=5)
        token = base64.b64encode(b"guest:guest").decode()
        try:
            path = f"/api/health/checks/port-listener/{self._port}"
            connection.request("GET", path, headers={"Authorization": f"Basic {token}"})
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def server_program() -> str | None:
    """Find the server's own start script: Debian's, or the one on the path."""
    return _PROGRAM if os.access(_PROGRAM, os.X_OK) else shutil.which("rabbitmq-server")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_pair() -> tuple[int, int]:
    """Give two free ports, 10,000 apart and below those that the system hands out by itself."""
    while True:
        port = 12_000 + secrets.randbelow(10_000)
        if all(_is_free(each) for each in (port, port + MANAGEMENT_OFFSET)):
            return port, port + MANAGEMENT_OFFSET


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
