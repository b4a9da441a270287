"""`baton run` as a person uses it: the ZIP at the end, and nothing left behind however it ends."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from support.commands import all_gone, baton, ended, up
from support.services import User, free_port

IDEA = "A plant diary where people note the watering days of their plants"
HANDOFFS = (
    "you -> analyst: product idea",
    "analyst -> architect: software specification",
    "architect -> coder: implementation plan",
    "coder -> tester: code",
    "tester -> deployer: test report",
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the private data directories of a test under its own folder; gives that folder."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return tmp_path


def one_zip(folder: Path) -> Path:
    """Return the only file of a folder, which is a ZIP."""
    (path,) = folder.iterdir()
    assert path.suffix == ".zip"
    return path


def umask() -> int:
    """Return this process's, which those it starts inherit."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


async def test_an_idea_becomes_a_zip_whose_own_tests_pass(place: Path) -> None:
    """Without a terminal: plain lines, every handoff, approvals that say so, exit status 0, nothing left."""
    status, output, errors = ended(baton("run", IDEA, "--out", str(place / "out")))
    assert (status, errors) == (0, "")
    assert "\x1b" not in output
    assert [line for line in output.splitlines() if " -> " in line] == list(HANDOFFS)
    assert output.count("without a review, because nobody is at a terminal") == 2
    path = one_zip(place / "out")
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask()
    assert str(path) in output
    with zipfile.ZipFile(path) as bundle:
        assert all(name.rpartition("/")[2] in output for name in bundle.namelist())
        bundle.extractall(place / "unzipped")
    tests = subprocess.run(
        [sys.executable, "-m", "unittest"], cwd=place / "unzipped", capture_output=True, text=True, check=False
    )
    assert tests.returncode == 0, tests.stderr
    await all_gone(place)
    assert list((place / "tmp").iterdir()) == []


async def test_a_running_gateway_does_it_too(place: Path) -> None:
    """With --url; the second project of the same name does not take the first one's file."""
    with up("--data-dir", str(place / "data")) as (url, _):
        first = ended(baton("run", IDEA, "--out", str(place / "out"), "--url", url, "--yes"))
        kept = one_zip(place / "out").read_bytes()
        second = ended(baton("run", IDEA, "--out", str(place / "out"), "--url", f"{url}/api/v1/"))
    assert (first[0], second[0]) == (0, 0), (first, second)
    assert first[1].count("because of --yes") == 2
    assert f"the API is at {url}/api/v1\n" in second[1]
    names = sorted(path.name for path in (place / "out").iterdir())
    project_id = re.search(r"Project (\w{8})", second[1])
    assert project_id is not None
    assert len(names) == 2
    assert any(name.endswith(f"-{project_id[1]}.zip") for name in names), names
    assert kept in [path.read_bytes() for path in (place / "out").iterdir()]


@pytest.mark.rabbitmq
def test_real_servers_take_the_place_of_its_own(place: Path, database: str, vhost: str) -> None:
    """The same command on the PostgreSQL and the RabbitMQ of the environment."""
    environment = {"BATON_DATABASE_URL": database, "BATON_AMQP_URL": vhost}
    status, output, errors = ended(baton("run", IDEA, "--out", str(place / "out"), environment=environment))
    assert (status, errors) == (0, ""), output
    one_zip(place / "out")


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "not-a-url"])
def test_a_gateway_that_is_not_there_is_one_plain_line(place: Path, url: str) -> None:
    """Exit status 1, no traceback."""
    status, _, errors = ended(baton("run", IDEA, "--url", url.format(port=free_port()), "--out", str(place / "out")))
    assert status == 1
    assert errors.startswith("baton: ")
    assert errors.count("\n") == 1


async def test_a_server_that_is_no_baton_is_told_so(place: Path) -> None:
    """A 404 of somebody else's server is not passed on as a gateway's answer."""
    async with TestServer(web.Application()) as server:
        command = baton("run", IDEA, "--url", str(server.make_url("/")), "--out", str(place / "out"))
        status, _, errors = await asyncio.to_thread(ended, command)
    assert status == 1
    assert "does not look like a Baton gateway" in errors
    assert errors.count("\n") == 1


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_starts(place: Path) -> None:
    """Not when the ZIP is there and has no place to go."""
    status, output, errors = ended(baton("run", IDEA, "--out", "/dev/null/out"))
    assert (status, output) == (1, f"Baton: {IDEA}\n")
    assert "Nothing can be written to /dev/null/out (Not a directory)" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("moment", [0.0, 0.3, 0.6, 0.9, 1.2, 1.6, 2.0, 2.5])
async def test_ctrl_c_leaves_nothing_behind(place: Path, moment: float) -> None:
    """At any moment: exit status 130 (or 0 if it was done by then), no process, no private directory."""
    process = baton("run", IDEA, "--out", str(place / "out"))
    await asyncio.sleep(0.15 + moment)  # the interpreter itself is not interrupted
    process.send_signal(signal.SIGINT)
    status, output, errors = ended(process, 10)
    assert status in {0, 130}, errors
    assert "Traceback" not in errors, (output, errors)
    await all_gone(place)
    assert list((place / "tmp").iterdir()) == []


async def test_a_second_ctrl_c_does_not_wait(place: Path) -> None:
    """It ends at once, and the kernel sees to the children."""
    process = baton("run", IDEA, "--out", str(place / "out"))
    await asyncio.sleep(1)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.01)
    assert ended(process, 5)[0] == 130
    await all_gone(place)


async def test_kill_leaves_no_process(place: Path) -> None:
    """Even without a chance to put things away."""
    process = baton("run", IDEA, "--out", str(place / "out"))
    await asyncio.sleep(1.2)
    process.kill()
    ended(process)
    await all_gone(place, 10)


async def test_the_same_data_directory_twice_is_refused(place: Path) -> None:
    """One plain line names the other process; the first one is not disturbed."""
    with up("--data-dir", str(place / "data")) as (url, process):
        status, _, errors = ended(baton("run", IDEA, "--out", str(place / "out"), "--data-dir", str(place / "data")))
        async with aiohttp.ClientSession() as session:
            await User(url, session).ready(5)
    assert status == 1
    assert f"process {process.pid}" in errors
    assert "Traceback" not in errors


def test_an_idea_that_says_nothing_is_refused_in_plain_words(place: Path) -> None:
    """The gateway's own reason, exit status 1, nothing left."""
    status, _, errors = ended(baton("run", "  ", "--out", str(place / "out")))
    assert status == 1
    assert "Traceback" not in errors
    assert "422" in errors
    assert list((place / "tmp").iterdir()) == []
