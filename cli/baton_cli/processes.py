"""`baton up --processes`: the five services as five processes on RabbitMQ and PostgreSQL, supervised.

A process that ends is started again, each time after a longer pause; what it knew is in the log. The kernel ends
the processes when this one dies, however it dies. They have a session of their own, so that a Ctrl-C at the
terminal reaches this process alone, which then stops them in good order.
"""

import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from baton_cli.admission import check_address, decide, describe
from baton_cli.client import is_healthy
from baton_cli.farewell import when_stopped
from baton_cli.trouble import Trouble

if TYPE_CHECKING:
    from baton_runtime.settings import Settings

SERVICES: Final = ("gateway", "orchestrator", "agent-runner", "artifacts", "hitl")
_READY_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 10.0
_LONGEST_PAUSE: Final = 10.0
_STEADY_SECONDS: Final = 30.0
_LINE_BYTES: Final = 2**20
_PR_SET_PDEATHSIG: Final = 1


async def supervise(settings: "Settings") -> int:
    """Run the five until cancelled.

    Raises `NotStarted`, and `Trouble` where strangers would come in unasked or the five do not serve within 90 s.
    """
    from baton_runtime.loopback import local_url  # noqa: PLC0415
    from baton_runtime.telemetry import configure_logging  # noqa: PLC0415 (heavy: only when needed)

    database_url = _servers_of(settings)
    check_address(settings)
    configure_logging(settings, "baton")
    settings = await _admission(settings, database_url)
    environment = _environment(settings)
    url = local_url(settings.host, environment["BATON_PORT"])
    with when_stopped("Stopped."):
        async with asyncio.TaskGroup() as tasks:
            for service in SERVICES:
                tasks.create_task(_keep(service, environment))
            with when_stopped("Stopping ..."):
                await _until_healthy(url)
                who = describe(settings)
                print(f"Baton is ready: {url} ({who}; five processes; Ctrl-C stops them)", flush=True)  # noqa: T201
                await asyncio.Event().wait()
    return 0


def _servers_of(settings: "Settings") -> str:
    """Return the URL of the database. Raises `Trouble` where one of the servers is not named."""
    if not settings.database_url or not settings.amqp_url:
        raise Trouble(
            "Five processes need a PostgreSQL and a RabbitMQ that all of them reach: set BATON_DATABASE_URL and "
            "BATON_AMQP_URL, or use `baton up` without --processes, which brings its own."
        )
    return settings.database_url.get_secret_value()


async def _admission(settings: "Settings", database_url: str) -> "Settings":
    """Return the settings with `auth` said, the schema being brought up to date for it. Raises `NotStarted`."""
    from baton_eventlog.database import close_quietly, connect  # noqa: PLC0415 (heavy: only when needed)
    from baton_runtime.host import open_database  # noqa: PLC0415

    connection = await connect(await open_database(database_url), name="baton-start")
    try:
        return await decide(settings, connection)
    finally:
        await close_quietly(connection)


def _environment(settings: "Settings") -> dict[str, str]:
    """Return what the five are told: all that this process was, the door's settings among it, and what it decided."""
    from baton_runtime.telemetry import default_level  # noqa: PLC0415 (heavy: only when needed)

    return {
        **os.environ,
        "BATON_AUTH": settings.auth or "on",
        "BATON_HOST": settings.host,
        "BATON_PORT": str(_free(settings.host, settings.port)),
        "BATON_DATA_DIR": str(settings.data_dir.absolute()),
        "BATON_LOG_LEVEL": settings.log_level or default_level(),
        "PYTHONUNBUFFERED": "1",
    }


def _free(host: str, port: int) -> int:
    """Return the port if nobody listens on it (0: any free one)."""
    try:
        with socket.create_server((host, port)) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        raise Trouble(
            f"Port {port} on {host} cannot be used: {error.strerror}. Another Baton or another program may have it: "
            "stop that one, or choose another port with --port."
        ) from error


async def _until_healthy(url: str) -> None:
    try:
        async with asyncio.timeout(_READY_SECONDS):
            while not await is_healthy(url):  # noqa: ASYNC110 (another process's state: nothing to wait for)
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise Trouble(
            f"The five processes did not serve at {url} within {_READY_SECONDS:.0f} s and were stopped. Their lines "
            "above say why; mostly BATON_DATABASE_URL or BATON_AMQP_URL lead nowhere."
        ) from None


async def _keep(service: str, environment: Mapping[str, str]) -> None:
    """Keep one service running until cancelled."""
    loop, pause = asyncio.get_running_loop(), 0.5
    while True:
        began = loop.time()
        status = await _run(service, environment)
        if loop.time() - began > _STEADY_SECONDS:
            pause = 0.5
        _say(service, f"ended with status {status}; starting it again in {pause:g} s")
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _run(service: str, environment: Mapping[str, str]) -> int:
    """Run one process to its end, and end it when cancelled; return its exit status."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"baton_{service.replace('-', '_')}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
        limit=_LINE_BYTES,
        start_new_session=True,
        preexec_fn=_tied_to(os.getpid()),
    )
    try:
        await _relay_lines(service, process)
        return await process.wait()
    finally:
        await _end(service, process)


def _tied_to(parent: int) -> Callable[[], None]:
    """Return what a child does first: ask the kernel to end it when its parent dies."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux alone has it

    def tie() -> None:
        if prctl:
            prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return tie


async def _relay_lines(service: str, process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None  # noqa: S101 (asked for above)
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:
            _say(service, f"(a line of more than {_LINE_BYTES} bytes is left out)")
            continue
        if not line:
            return
        _say(service, line.decode(errors="replace").rstrip("\n"))


def _say(service: str, line: str) -> None:
    print(f"{service:<12} | {line}", file=sys.stderr, flush=True)  # noqa: T201


async def _end(service: str, process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, and kill it 10 s later."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await _relay_lines(service, process)
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
