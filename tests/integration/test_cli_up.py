"""`baton up`: ready when it says so, stopped when told to, and everything still there the next time."""

import asyncio
import re
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from support.commands import all_gone, baton, ended, neutral, ready, up
from support.services import QUICK, User, free_port


async def test_it_says_ready_when_it_is(tmp_path: Path) -> None:
    """The moment the line is there, /healthz answers 200."""
    with up("--data-dir", str(tmp_path / "data")) as (url, _):
        async with aiohttp.ClientSession() as session, session.get(f"{url}/healthz") as answer:
            assert answer.status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """Exit status 0 with a client connected, a word about it, PostgreSQL gone, no error in the log."""
    process = baton("up", "--port", "0", "--data-dir", str(tmp_path / "data"))
    url = ready(process)
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws"):
        process.send_signal(number)
        status, output, errors = await asyncio.to_thread(ended, process)
    assert status == 0
    assert output == f"Stopping ...\nStopped; the data stay in {tmp_path / 'data'}.\n"
    assert '"level":"error"' not in errors
    assert "Traceback" not in errors
    await all_gone(tmp_path, 0)


async def test_a_signal_during_the_start_stops_it_too(tmp_path: Path) -> None:
    """Exit status 0, nothing left."""
    for moment in (0.3, 0.8):
        process = baton("up", "--port", "0", "--data-dir", str(tmp_path / "data"))
        await asyncio.sleep(moment)
        process.send_signal(signal.SIGTERM)
        status, _, errors = ended(process)
        assert status in {0, -signal.SIGTERM}, errors
        await all_gone(tmp_path)


async def test_projects_survive_a_restart(tmp_path: Path) -> None:
    """What was made before is there after, as it was."""
    async with aiohttp.ClientSession() as session:
        with up("--data-dir", str(tmp_path / "data")) as (url, _):
            user = User(url, session)
            project_id = await user.create(workflow_id=QUICK)
            before = await user.finished(project_id)
        with up("--data-dir", str(tmp_path / "data")) as (url, _):
            user = User(url, session)
            after = await user.ask("GET", f"/projects/{project_id}")
            bundle = await user.download(project_id, tmp_path / "bundle.zip")
    assert after == before
    assert bundle.stat().st_size > 1000


async def test_a_taken_port_is_one_plain_line(tmp_path: Path) -> None:
    """Exit status 1, the port and what to do; the log before it is JSON and no traceback."""
    with up("--data-dir", str(tmp_path / "data")) as (url, _):
        port = url.rpartition(":")[2]
        status, output, errors = ended(baton("up", "--port", port, "--data-dir", str(tmp_path / "other")))
    assert (status, output) == (1, "")
    last = errors.splitlines()[-1]
    assert last.startswith("baton: ")
    assert port in last
    assert "--port" in last
    assert "Traceback" not in errors
    await all_gone(tmp_path)


def test_a_name_that_stands_for_nothing_is_told_so(tmp_path: Path) -> None:
    """It is no matter of authentication."""
    status, _, errors = ended(baton("up", "--host", "nope.invalid", "--data-dir", str(tmp_path / "data")))
    assert status == 1
    assert "Cannot resolve nope.invalid" in errors
    assert "authentication" not in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("module", ["baton_cli", "baton_gateway"])
def test_a_setting_that_does_not_fit_is_one_plain_line(module: str) -> None:
    """The variable is named, by the command and by a service alike."""
    words = [sys.executable, "-m", module, *(["up"] if module == "baton_cli" else [])]
    environment = neutral() | {"BATON_LOG_LEVEL": "LOUD"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20, env=environment)
    assert done.returncode == 1
    assert "BATON_LOG_LEVEL" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_data_directory_that_cannot_be_made_is_one_plain_line() -> None:
    """It is named, with the reason."""
    status, _, errors = ended(baton("up", "--port", "0", "--data-dir", "/dev/null/data"))
    assert status == 1
    assert errors.startswith("baton: The data directory /dev/null/data cannot be used (Not a directory")
    assert errors.count("\n") == 1


def test_ctrl_c_while_it_is_loading_is_silent(tmp_path: Path) -> None:
    """Exit status 130 and no traceback: here the signal comes while the first library is imported."""
    (tmp_path / "typer.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)\n", "utf-8"
    )
    status, output, errors = ended(baton("version", environment={"PYTHONPATH": str(tmp_path)}))
    assert (status, output, errors) == (130, "", "")


def test_processes_need_their_servers() -> None:
    """Without the URLs one plain line says which, and what else to use."""
    status, _, errors = ended(baton("up", "--processes"))
    assert status == 1
    assert "BATON_DATABASE_URL and BATON_AMQP_URL" in errors
    assert errors.count("\n") == 1


def test_the_version_is_told() -> None:
    """`baton version`, quickly: nothing heavy is loaded for it."""
    output = subprocess.check_output([sys.executable, "-m", "baton_cli", "version"], text=True, timeout=10)
    assert re.fullmatch(r"baton \d+\.\d+\.\d+\n", output)


@pytest.mark.rabbitmq
async def test_five_processes_are_supervised(database: str, vhost: str, tmp_path: Path) -> None:
    """A killed one comes back and a project goes on; SIGTERM stops all five with status 0."""
    environment = {"BATON_DATABASE_URL": database, "BATON_AMQP_URL": vhost, "BATON_DATA_DIR": str(tmp_path)}
    process = baton("up", "--processes", "--port", str(free_port()), environment=environment)
    try:
        url = await asyncio.to_thread(ready, process)
        children = children_of(process.pid)
        assert len(children) == 5
        runner = next(child for child, words in children.items() if "agent_runner" in words)
        async with aiohttp.ClientSession() as session:
            user = User(url, session)
            project_id = await user.create(workflow_id=QUICK)
            await asyncio.to_thread(subprocess.run, ["kill", "-9", str(runner)], check=True)
            assert (await user.finished(project_id, 15))["status"] == "completed"
        assert len(children_of(process.pid)) == 5
    finally:
        process.send_signal(signal.SIGTERM)
        status, output, errors = await asyncio.to_thread(ended, process)
    assert (status, output) == (0, "Stopping ...\nStopped.\n")
    assert "agent-runner | ended with status -9" in errors
    assert "gateway      | {" in errors


@pytest.mark.rabbitmq
async def test_five_processes_die_with_their_parent(database: str, vhost: str, tmp_path: Path) -> None:
    """A kill -9 of the supervisor leaves none of them."""
    environment = {"BATON_DATABASE_URL": database, "BATON_AMQP_URL": vhost, "BATON_DATA_DIR": str(tmp_path)}
    process = baton("up", "--processes", "--port", "0", environment=environment)
    await asyncio.to_thread(ready, process)
    children = children_of(process.pid)
    process.kill()
    process.communicate(timeout=15)  # they hold the other end of nothing: their output went through it
    for _ in range(200):
        if not any(Path(f"/proc/{child}").exists() for child in children):
            break
        await asyncio.sleep(0.05)
    assert [child for child in children if Path(f"/proc/{child}").exists()] == []


def children_of(parent: int) -> dict[int, str]:
    """Return the direct children of a process with their command lines."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found[int(entry.name)] = words
    return found
