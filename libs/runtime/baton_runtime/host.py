"""What every service stands on, opened once a process: the log, the bus, and the tasks that keep them going.

`serve` runs any number of services on one host: one in production, all five on a laptop; nothing else differs.
When a service fails, the process ends with its error and is started again by whoever supervises it: all it
knew is in the log.
"""

import asyncio
import contextlib
import signal as signals
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

import asyncpg
import structlog

from baton_eventlog.appender import Appender
from baton_eventlog.database import UNAVAILABLE, connect, open_pool
from baton_eventlog.migrations import SchemaDrift, SchemaOwnerNeeded, migrate
from baton_eventlog.role import app_role
from baton_eventlog.signal import LogSignal
from baton_runtime import collector
from baton_runtime.bus import Bus, BusUnavailable, open_bus
from baton_runtime.definitions import CoreNotFoundError
from baton_runtime.redaction import keep_secret, redact
from baton_runtime.settings import Settings, UnfitSettings, load_settings
from baton_runtime.telemetry import configure_logging

log = structlog.get_logger("baton.host")
_START_DEADLINE: Final = 60.0
_RETRY: Final = 0.5
_REMIND: Final = 10.0
_GOODBYE: Final = 8.0  # seconds that an end in good order may take


class NotStarted(Exception):
    """A process could not start; the message says what is missing and what to do."""


@dataclass(frozen=True, slots=True)
class Host:
    """The shared parts of one process."""

    settings: Settings
    dsn: str
    pool: asyncpg.Pool
    signal: LogSignal
    appender: Appender
    bus: Bus
    keepers: tuple[asyncio.Task[None], ...]  # what keeps these parts going; none of them ends by itself


class Service(Protocol):
    """One of the five: it runs on a host until it is cancelled."""

    name: str

    async def run(self, host: Host) -> None:
        """Serve until cancelled."""


@contextlib.asynccontextmanager
async def open_host(settings: Settings, dsn: str, bus: Bus) -> AsyncIterator[Host]:
    """Bring the schema up to date, connect to everything, and keep it going. Raises `NotStarted`."""
    dsn = await open_database(dsn)
    await _start_bus(bus)
    pool = await open_pool(dsn, name="baton-reader")
    signal = LogSignal(dsn)
    appender = Appender(dsn, signal)
    keepers = tuple(map(asyncio.create_task, (appender.run(), signal.run(), collector.sweep())))
    try:
        yield Host(settings, dsn, pool, signal, appender, bus, keepers)
    finally:
        await _end(keepers)
        await bus.close()
        pool.terminate()


async def open_database(dsn: str) -> str:
    """Wait for PostgreSQL and bring the schema up to date; give the DSN for services. Raises `NotStarted`."""
    keep_secret([dsn])
    await _await_database(dsn)
    await _migrate(dsn)
    return await app_role(dsn)  # from here on without the rights to change the schema or what was appended


class _Wait:
    """Waiting for a server: a word about it at once and every 10 s, and an end after a minute."""

    def __init__(self, server: str, variable: str) -> None:
        self._server = server
        self._event = f"waiting_for_{server.lower()}"
        self._variable = variable
        self._time = asyncio.get_running_loop().time
        self._end = self._time() + _START_DEADLINE
        self._next_word = self._time()

    async def pause(self, error: Exception) -> None:
        """Wait before the next attempt. Raises `NotStarted` after the deadline."""
        if self._time() > self._end:
            message = f"{self._server} did not answer for a minute: check {self._variable} and that the server runs"
            raise NotStarted(message) from error
        if self._time() >= self._next_word:
            self._next_word = self._time() + _REMIND
            log.warning(self._event, error=type(error).__name__, reason=str(error))
        await asyncio.sleep(_RETRY)


async def _await_database(dsn: str) -> None:
    """Wait until PostgreSQL answers. Raises `NotStarted` after the deadline."""
    wait = _Wait("PostgreSQL", "BATON_DATABASE_URL")
    while True:
        try:
            connection = await connect(dsn, name="baton-start")
            await connection.close()
        except ValueError as error:  # its words may hold a piece of the password
            message = "BATON_DATABASE_URL cannot be read: special characters in user and password are percent-encoded"
            raise NotStarted(message) from error
        except UNAVAILABLE as error:
            await wait.pause(error)
        except asyncpg.PostgresError as error:
            raise NotStarted(f"PostgreSQL refused the connection: {error}. Check BATON_DATABASE_URL") from error
        else:
            return


async def _migrate(dsn: str) -> None:
    """Bring the schema up to date. Raises `NotStarted` where that takes a person."""
    try:
        await migrate(dsn)
    except (SchemaDrift, SchemaOwnerNeeded) as error:
        raise NotStarted(str(error)) from error


async def _start_bus(bus: Bus) -> None:
    """Connect the bus. Raises `NotStarted` after the deadline."""
    wait = _Wait("RabbitMQ", "BATON_AMQP_URL")
    while True:
        try:
            await bus.start()
        except BusUnavailable as error:
            await wait.pause(error)
        else:
            return


async def serve(settings: Settings, dsn: str, bus: Bus, services: Sequence[Service]) -> None:
    """Run services on one host until SIGTERM, SIGINT or cancellation, which end the waits of a start, too."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signals.SIGTERM, signals.SIGINT):
        loop.add_signal_handler(number, stop.set)
    collector.calm()
    serving = asyncio.create_task(_serve(settings, dsn, bus, services))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
    finally:
        await _end((serving, stopping))
    log.info("stopped")


async def _serve(settings: Settings, dsn: str, bus: Bus, services: Sequence[Service]) -> None:
    async with open_host(settings, dsn, bus) as host:
        await run_until(asyncio.Event(), host, services)


async def run_until(stop: asyncio.Event, host: Host, services: Sequence[Service]) -> None:
    """Run services until `stop` is set; the first that fails ends them all and its error is raised."""
    running = [asyncio.create_task(service.run(host), name=service.name) for service in services]
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([*running, *host.keepers, stopping], return_when=asyncio.FIRST_COMPLETED)
        for ended in filter(asyncio.Task.done, (*running, *host.keepers)):
            ended.result()
    finally:
        await _end((*running, stopping))


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait for them; say it again where it got lost, as in Python 3.11's `wait_for` it may."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_GOODBYE)
    await asyncio.gather(*tasks, return_exceptions=True)


def run_process(service: Service, check: Callable[[Settings], object] = lambda _: None) -> NoReturn:
    """Run one service as a process of its own, on the PostgreSQL and RabbitMQ of the settings; exit when it ends.

    `check` raises `NotStarted` for settings that it cannot be started with, before anything is waited for.
    """
    try:
        settings = load_settings()
        check(settings)
    except (UnfitSettings, NotStarted) as error:
        sys.exit(f"baton {service.name}: {error}")
    configure_logging(settings, service.name)
    if not settings.database_url or not settings.amqp_url:
        sys.exit(f"baton {service.name}: set BATON_DATABASE_URL and BATON_AMQP_URL (or use `baton up` for all in one)")
    bus = open_bus(settings.amqp_url.get_secret_value(), name=service.name)
    try:
        asyncio.run(serve(settings, settings.database_url.get_secret_value(), bus, [service]))
    except (NotStarted, UnfitSettings, CoreNotFoundError) as error:
        sys.exit(redact(f"baton {service.name}: {error}"))
    sys.exit(0)
