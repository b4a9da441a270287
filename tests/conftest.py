"""The real servers that tests stand on, one of each for a whole run, and something of its own on them for each test."""

import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from baton_cli.postgres import EmbeddedPostgres
from support.broker import own_vhost
from support.oidc import Issuer
from support.rabbit_node import PrivateRabbit
from support.rabbitmq import private_rabbit, rabbitmq


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run one PostgreSQL without durability for this worker; gives the DSN of its administrative database."""
    directory = tmp_path_factory.mktemp("postgres")
    with EmbeddedPostgres(directory, durable=False) as dsn:
        yield dsn
    shutil.rmtree((directory / "cluster").resolve())


@pytest.fixture
async def database(postgres_server: str) -> AsyncIterator[str]:
    """Make an empty database for one test; gives its DSN."""
    name = f"test_{secrets.token_hex(8)}"
    await _administer(postgres_server, f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(postgres_server)._replace(path=f"/{name}"))
    await _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def amqp_url() -> Iterator[str]:
    """Give the URL of one real RabbitMQ for this worker; tests that make queues take `vhost` instead."""
    with rabbitmq() as url:
        yield url


@pytest.fixture
def vhost(amqp_url: str) -> Iterator[str]:
    """Give the AMQP URL of a virtual host whose queues nobody but this test uses."""
    with own_vhost(amqp_url) as url:
        yield url


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """Run an OpenID provider whose keys the test holds."""
    async with Issuer().serving() as serving:
        yield serving


@pytest.fixture
def rabbit_node(tmp_path: Path) -> Iterator[PrivateRabbit]:
    """Make a RabbitMQ of its own for one test, to start, stop, kill and wipe; it is not started yet."""
    with private_rabbit(tmp_path / "rabbit") as node:
        yield node


async def _administer(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=30)
    try:
        await connection.execute(statement, timeout=60)
    finally:
        await connection.close(timeout=10)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests took, which workers cannot print themselves."""
    figures = [one for report in terminalreporter.getreports("passed") for one in report.user_properties]
    for name, value in sorted(figures):
        terminalreporter.write_line(f"{name}: {value}")
