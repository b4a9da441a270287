"""`baton run` at a terminal: a person decides, leaves, or is overtaken by somebody else's answer."""

import asyncio
import os
import pty
import re
import subprocess
import sys
import termios
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from support.commands import all_gone
from support.services import User

IDEA = "A plant diary where people note the watering days of their plants"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the private data directories of a test under its own folder; gives that folder."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return tmp_path


@dataclass
class Terminal:
    """A `baton run` on a terminal, and somebody who reads and types."""

    process: subprocess.Popen[bytes]
    master: int
    seen: str = ""

    async def read_until(self, text: str, seconds: float = 15) -> str:
        """Wait until a text stands on the screen after what was read before."""
        end, fresh = time.monotonic() + seconds, ""
        while text not in fresh:
            assert time.monotonic() < end, (text, fresh)
            try:
                fresh += os.read(self.master, 65536).decode(errors="replace")
            except BlockingIOError:
                await asyncio.sleep(0.02)
            except OSError:  # the other side is closed
                break
        self.seen += fresh
        return fresh

    async def answer(self, text: str) -> None:
        """Type a line."""
        await asyncio.sleep(0.1)
        os.write(self.master, text.encode())

    async def end(self) -> int:
        """Read to the end; return the exit status."""
        await self.read_until("\0", 20)
        return self.process.wait(5)


@pytest.fixture
def terminal(place: Path) -> Iterator[Terminal]:
    """Start `baton run` on a terminal of 100 columns; end it with the test."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (40, 100))
    process = subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-m", "baton_cli", "run", IDEA, "--out", str(place / "out")],
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    os.set_blocking(master, False)
    yield Terminal(process, master)
    process.kill()
    process.wait()
    os.close(master)


async def test_a_person_at_a_terminal_decides(terminal: Terminal, place: Path) -> None:
    """The document is shown; amend and reject take words, and the result follows them."""
    shown = await terminal.read_until("[a/m/r] ")
    assert "Keep plants" in shown
    await terminal.answer("what?\n")
    await terminal.read_until("[a/m/r] ")
    await terminal.answer("m\n")
    await terminal.read_until("different? ")
    await terminal.answer("add an export\n")
    await terminal.read_until("[a/m/r] ")
    await terminal.answer("r\n")
    await terminal.read_until("Why? ")
    await terminal.answer("leave out the watering days\n")
    await terminal.read_until("[a/m/r] ")
    await terminal.answer("a\n")
    assert await terminal.end() == 0, terminal.seen
    assert "amended" in terminal.seen
    assert "rejected" in terminal.seen
    (path,) = (place / "out").glob("*.zip")
    with zipfile.ZipFile(path) as bundle:
        assert b"export" in bundle.read("docs/specification.md").lower()


@pytest.mark.parametrize(("key", "status"), [("\x03", 130), ("\x04", 1)])
async def test_a_question_can_be_left(terminal: Terminal, place: Path, key: str, status: int) -> None:
    """Ctrl-C at a question stops everything; the end of input says that nobody can decide."""
    await terminal.read_until("[a/m/r] ")
    await terminal.answer(key)
    assert await terminal.end() == status
    assert "Traceback" not in terminal.seen
    assert terminal.seen.rstrip().endswith(("left running.", "every gate.", "baton-run.log"))
    await all_gone(place)
    assert list((place / "tmp").iterdir()) == []


async def test_an_answer_from_elsewhere_ends_the_question(terminal: Terminal) -> None:
    """Somebody approves over the API while the question stands at the terminal: the work goes on."""
    url = re.search(r"http://127\.0\.0\.1:\d+", await terminal.read_until("[a/m/r] "))
    project = re.search(r"Project ([0-9a-f-]{36})", terminal.seen)
    assert url
    assert project
    async with aiohttp.ClientSession() as session:
        await User(url[0], session).approve_all(project[1])
    await terminal.read_until("analyst -> architect")
    await terminal.read_until("[a/m/r] ")
    await terminal.answer("a\n")
    assert await terminal.end() == 0
