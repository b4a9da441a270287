"""Secrets show nowhere: canaries are in every setting and credential, and all that is said is searched for them."""

import asyncio
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import aiohttp
import asyncpg
import pytest

from baton_cli.database import find_running
from support.broker import has_management
from support.canaries import Canaries, Said
from support.commands import neutral
from support.guest import PROJECTS, Guest
from support.rabbitmq import drop_user, with_user
from support.services import Processes, User, free_port
from support.waiting import until

SECRET_NAMES = ("BATON_LOG_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD")
CHANNELS = ("answers", "frames", "logs", "output of commands", "tables", "ZIP", "command lines")
AWKWARD = 'p@ss/w:rd "%25 {}'  # a password that takes percent-encoding in a URL, and escapes in JSON


def settings_of(canaries: Canaries, directory: Path) -> dict[str, str]:
    """Return settings of a talkative Baton that asks for keys, with a secret in every variable that may have one."""
    secret = {name: canaries.new(name, "of-the-environment-{}") for name in SECRET_NAMES}
    door = {"BATON_AUTH": "on", "BATON_ALLOWED_HOSTS": "baton.example", "BATON_LOG_LEVEL": "DEBUG"}
    return neutral() | secret | door | {"BATON_DATA_DIR": str(directory), "BATON_PORT": str(free_port())}


async def test_one_process_keeps_its_secrets(tmp_path: Path) -> None:
    """With the embedded PostgreSQL, whose password is a canary too; at the end that server is gone (503)."""
    canaries, said, marker = Canaries(), Said(), f"marker-{tmp_path.stat().st_ino}"
    settings = settings_of(canaries, tmp_path / marker)
    data = tmp_path / marker / "postgres"
    async with _running(tmp_path, settings, said, marker) as url:
        dsn = await asyncio.to_thread(find_running, data)
        assert dsn
        canaries.know("password of the embedded PostgreSQL", str(urlsplit(dsn).password))
        await _try_and_look(url, dsn, canaries, said, marker, settings)
        pid = int((data / "cluster/data/postmaster.pid").read_text().split()[0])
        await asyncio.to_thread(subprocess.run, ["kill", "-INT", str(pid)], check=True)
        async with aiohttp.ClientSession() as client:
            for _ in range(100):
                if (
                    await said.ask(
                        client, "GET", url + PROJECTS, headers={"Authorization": f"Bearer baton_{'0' * 32}_{'A' * 43}"}
                    )
                    == 503
                ):
                    break
            assert said.shows("answers", "503 Service Unavailable")
    said.take("logs", (data / "postgres.log").read_bytes())
    _expect_silence(canaries, said, marker)


@pytest.mark.rabbitmq
async def test_five_processes_keep_their_secrets(database: str, vhost: str, tmp_path: Path) -> None:
    """With passwords of PostgreSQL and RabbitMQ that are hard to write in a URL."""
    if not has_management(vhost):
        pytest.skip("this broker's management API makes no users")
    canaries, said, marker = Canaries(), Said(), f"marker-{tmp_path.stat().st_ino}"
    settings = settings_of(canaries, tmp_path / marker)
    password, login = canaries.new("password of the database", AWKWARD), f"anna_{tmp_path.stat().st_ino}"
    await _execute(database, f"CREATE ROLE {login} SUPERUSER LOGIN PASSWORD '{password}'")
    dsn = urlunsplit(urlsplit(database)._replace(netloc=f"{login}:{quote(password, safe='')}@{_place(database)}"))
    settings["BATON_DATABASE_URL"] = dsn
    settings["BATON_AMQP_URL"] = with_user(vhost, login, canaries.new("password of the broker", AWKWARD))
    try:
        async with _running(tmp_path, settings, said, marker, "--processes") as url:
            await _try_and_look(url, dsn, canaries, said, marker, settings)
    finally:
        drop_user(vhost, login)
        await _execute(database, f"REASSIGN OWNED BY {login} TO CURRENT_USER; DROP OWNED BY {login}; DROP ROLE {login}")
    _expect_silence(canaries, said, marker)


async def test_whoever_cannot_start_keeps_its_secrets(database: str, tmp_path: Path) -> None:
    """Settings that lead nowhere, are refused or cannot be read are told without what is secret in them."""
    canaries, said = Canaries(), Said()
    secret = {n: canaries.new(f"secret {n}", "secret-{}") for n in range(8)}
    nowhere, place = f"127.0.0.1:{free_port()}", _place(database)
    on, off = {"BATON_DATABASE_URL": database}, {"BATON_DATABASE_URL": f"postgresql://anna:{secret[0]}@{nowhere}/baton"}
    failing: list[tuple[str, str, dict[str, str]]] = [
        ("waiting_for_postgresql", "baton_cli", off),
        (
            "PostgreSQL refused",
            "baton_gateway",
            {"BATON_DATABASE_URL": f"postgresql://anna:{secret[1]}@{place}/postgres"},
        ),
        (
            "cannot be read",
            "baton_gateway",
            {"BATON_DATABASE_URL": f"postgresql://anna:se/{secret[2]}@127.0.0.1:x/baton"},
        ),
        ("bus_lost", "baton_gateway", on | {"BATON_AMQP_URL": f"amqp://anna:{secret[3]}@{nowhere}/"}),
        ("bus_lost", "baton_cli", on | {"BATON_AMQP_URL": f"amqps://anna:{secret[4]}@{nowhere}/"}),
        ("Baton is ready", "baton_cli", on | {"BATON_STORE_URL": f"s3://id:{secret[5]}@bucket/x?token={secret[5]}"}),
        ("BATON_STORE_URL", "baton_cli", {"BATON_STORE_URL": f"nowhere://id:{secret[6]}@bucket"}),
        ("BATON_AUTH", "baton_cli", {"BATON_AUTH": secret[7], "BATON_PORT": secret[7], "BATON_OIDC_ISSUER": secret[7]}),
    ]
    for n, (awaited, program, given) in enumerate(failing):
        said.take("logs", await _last_words(awaited, program, tmp_path / str(n), given))
    assert canaries.in_(said.pieces) == []


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("form", ["<{}>", "a%40b{}", "postgresql://anna:{}@host/"])
def test_a_secret_that_shows_would_be_found(channel: str, form: str) -> None:
    """As it is, in a URL, and in what HTTP calls Basic."""
    canaries, said = Canaries(), Said()
    secret = canaries.new("one", "p@ss-{}")
    shown = (form.format(secret), form.format(quote(secret)), "Basic " + b64encode(f"anna:{secret}".encode()).decode())
    for text in shown:
        said.take(channel, f"before {text} after")
    assert [found[:2] for found in canaries.in_(said.pieces)] == [("one", channel)] * len(shown)


@asynccontextmanager
async def _running(
    directory: Path, settings: Mapping[str, str], said: Said, marker: str, *options: str
) -> AsyncIterator[str]:
    """Run `baton up`; gives its URL, and keeps what it wrote."""
    (directory / "logs").mkdir()
    processes = Processes(directory / "logs", settings)
    processes.start("baton_cli", "up", "--data-dir", str(directory / marker), *options)
    url = f"http://127.0.0.1:{settings['BATON_PORT']}"
    try:
        async with aiohttp.ClientSession() as session:
            await User(url, session).ready()
        yield url
    finally:
        await asyncio.to_thread(processes.stop)
        said.take("logs", processes.output())


async def _try_and_look(
    url: str, dsn: str, canaries: Canaries, said: Said, marker: str, settings: Mapping[str, str]
) -> None:
    """Use everything, then look at it with every command and in every table."""
    project_id = await Guest(url, dsn, canaries, said, marker).try_everything()
    said.take_processes()
    await said.take_tables(dsn)
    commands = (
        ("log", "show", project_id),
        ("log", "export", "-"),
        ("log", "verify"),
        ("keys", "list"),
        ("db", "status"),
    )
    for shown in await asyncio.gather(*(_shown(settings, *words) for words in commands)):
        said.take("output of commands", shown)


async def _shown(settings: Mapping[str, str], *words: str) -> bytes:
    """Return all that a `baton` command writes."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "baton_cli", *words)
    process = await asyncio.create_subprocess_exec(
        *command, env=settings, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 30)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, output
    return output


async def _last_words(awaited: str, program: str, directory: Path, given: dict[str, str]) -> str:
    """Return what a program writes until it says what is awaited."""
    directory.mkdir()
    usual = {"BATON_AUTH": "off", "BATON_PORT": "0", "BATON_DATA_DIR": str(directory), "BATON_AMQP_URL": "amqp://h/"}
    usual |= {"BATON_LOG_LEVEL": "DEBUG"} | ({"BATON_AMQP_URL": ""} if program == "baton_cli" else {})
    processes = Processes(directory, neutral() | usual | given)
    process = processes.start(program, *(["up"] if program == "baton_cli" else []))
    try:
        await until(lambda: awaited in processes.output(), seconds=30)
    finally:
        process.kill()  # whoever waits for a server at its start hears no other signal
        process.wait()
    return processes.output()


def _expect_silence(canaries: Canaries, said: Said, marker: str) -> None:
    """Expect that what is no secret came through every channel, and no secret through any."""
    assert [channel for channel in CHANNELS if not said.shows(channel, marker)] == []
    assert said.shows("logs", '"level":"debug"') or said.shows("logs", '"level":"info"')
    assert canaries.in_(said.pieces) == []


def _place(dsn: str) -> str:
    return urlsplit(dsn).netloc.rpartition("@")[2]


async def _execute(dsn: str, statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statements)
    await connection.close()
