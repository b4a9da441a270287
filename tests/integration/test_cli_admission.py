"""Who may come in at `baton up`, and at a gateway that is started by itself."""

import asyncio
import signal
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from baton_cli.database import open_database
from baton_runtime.settings import Settings
from support.commands import all_gone, baton, ended, neutral, ready_line, up
from support.keys import bearing, expire, make_key, revoke
from support.services import Processes, free_port
from support.waiting import eventually

PROVIDER = {"BATON_OIDC_ISSUER": "http://127.0.0.1:9/", "BATON_OIDC_AUDIENCE": "baton"}


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::"])  # noqa: S104 - refused
def test_strangers_are_not_let_in_unasked(tmp_path: Path, host: str) -> None:
    """An address that others reach is refused with BATON_AUTH=off before anything starts: what to do is said."""
    command = baton("up", "--host", host, "--data-dir", str(tmp_path / "data"), environment={"BATON_AUTH": "off"})
    status, _, errors = ended(command)
    assert status == 1
    assert f"does not listen on {host} without authentication" in errors
    assert "baton keys create --role admin" in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "data").exists()


async def test_without_a_key_only_this_machine_may_come_in(tmp_path: Path) -> None:
    """An address that others reach is refused as soon as the keys have been looked for."""
    data = str(tmp_path / "data")
    with up("--data-dir", data) as (url, _):
        assert await _status(url, None) == 200
    status, output, errors = ended(baton("up", "--port", "0", "--host", "0.0.0.0", "--data-dir", data))  # noqa: S104
    assert (status, output) == (1, "")
    assert "baton keys create --role admin" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    await all_gone(tmp_path)


async def test_with_a_key_everybody_is_asked_for_one(tmp_path: Path) -> None:
    """On loopback and elsewhere; also when the last one was revoked or has expired, until somebody says otherwise."""
    data = tmp_path / "data"
    with up("--data-dir", str(data)):
        key, gone = await key_in(data), await key_in(data)
        async with open_database(Settings(data_dir=data)) as dsn:
            await revoke(dsn, gone)
    for host in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 - what is tested
        with up("--host", host, "--data-dir", str(data)) as (url, _):
            assert (await _status(url, None), await _status(url, key)) == (401, 200)
    async with open_database(Settings(data_dir=data)) as dsn:
        await expire(dsn, key)
    with up("--data-dir", str(data)) as (url, _):
        assert (await _status(url, None), await _status(url, key)) == (401, 401)


async def test_a_run_on_data_that_have_keys_asks_for_one_too(tmp_path: Path) -> None:
    """It serves on loopback meanwhile, where others of this machine may come."""
    data = tmp_path / "data"
    with up("--data-dir", str(data)):
        await key_in(data)
    process = baton("run", "--yes", "--out", str(tmp_path / "out"), "--data-dir", str(data))
    status, _, errors = await asyncio.to_thread(ended, process, 60)
    assert status == 1
    assert "BATON_API_KEY" in errors


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        ({"BATON_AUTH": "on"}, 401, "asks for a key: baton keys create"),
        (PROVIDER, 401, "asks for a token or a key"),
        (PROVIDER | {"BATON_AUTH": "off"}, 200, "open to this machine only"),
    ],
)
async def test_the_settings_decide_and_the_ready_line_tells(
    tmp_path: Path, given: dict[str, str], status: int, words: str
) -> None:
    """BATON_AUTH in the first place, then whether an OpenID provider is named."""
    process = baton("up", "--port", "0", "--data-dir", str(tmp_path / "data"), environment=given)
    try:
        line = ready_line(process)
        assert words in line
        assert await _status(line.split()[3], None) == status
    finally:
        process.send_signal(signal.SIGTERM)
        ended(process)


@pytest.mark.rabbitmq
@pytest.mark.parametrize(("given", "status"), [({}, None), ({"BATON_AUTH": "off"}, 200), ({"BATON_AUTH": "on"}, 401)])
async def test_a_gateway_by_itself_is_told_who_may_come_in(
    database: str, vhost: str, tmp_path: Path, given: dict[str, str], status: int | None
) -> None:
    """Otherwise it ends, with one plain line about it after its log."""
    port = free_port()
    servers = {"BATON_DATABASE_URL": database, "BATON_AMQP_URL": vhost, "BATON_PORT": str(port)}
    environment = {**neutral(), **servers, **given}
    processes = Processes(tmp_path, environment)
    process = processes.start("baton_gateway")
    try:
        if status is None:
            assert await asyncio.to_thread(process.wait, 20) == 1
            assert (
                processes.output().splitlines()[-1].startswith("baton gateway: Nothing says who may use this gateway")
            )
            return
        await eventually(partial(_serves, f"http://127.0.0.1:{port}"))
        assert await _status(f"http://127.0.0.1:{port}", None) == status
    finally:
        processes.stop()


async def key_in(data: Path) -> str:
    """Make a key for an admin of no tenant in the database of a data directory; give it."""
    async with open_database(Settings(data_dir=data)) as dsn:
        return await make_key(dsn, "admin", None)


async def _status(url: str, key: str | None) -> int:
    headers = bearing(key) if key else {}
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/v1/projects", headers=headers) as answer:
        return answer.status


async def _serves(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/livez") as answer:
            return answer.ok
    except aiohttp.ClientError:
        return False
