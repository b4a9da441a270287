"""The `baton` command as a person starts it, and what it leaves behind."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from baton_cli.database import find_running

READY = re.compile(r"Baton is ready: (http://\S+) ")


def baton(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start `baton` in a session of its own, as a terminal would, without a terminal on its streams."""
    return subprocess.Popen(
        [sys.executable, "-m", "baton_cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**neutral(), **(environment or {})},
    )


def neutral() -> dict[str, str]:
    """Return this environment without settings of somebody else's Baton."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}


def ended(process: subprocess.Popen[str], seconds: float = 20) -> tuple[int, str, str]:
    """Wait for the end; return exit status, output and errors."""
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, output, errors


def ready(process: subprocess.Popen[str]) -> str:
    """Read the ready line of `baton up`; return the URL in it."""
    found = READY.match(ready_line(process))
    assert found
    return found[1]


def ready_line(process: subprocess.Popen[str]) -> str:
    """Read the ready line of `baton up`; return it."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert READY.match(line), (line, process.communicate(timeout=10))
    return line


@contextlib.contextmanager
def up(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `baton up` on a free port; give its URL and process, and end it with SIGTERM if it still runs."""
    process = baton("up", "--port", "0", *arguments, environment=environment)
    try:
        yield ready(process), process
    finally:
        process.send_signal(signal.SIGTERM)
        ended(process)


@dataclass(frozen=True, slots=True)
class Logged:
    """A running `baton up`: its URL, process and database, and the file that its log goes to."""

    url: str
    pid: int
    dsn: str
    errors: Path


@contextlib.contextmanager
def up_logged(
    directory: Path, environment: Mapping[str, str], before: Callable[[], None] | None = None
) -> Iterator[Logged]:
    """Run `baton up` on a free port, in a directory; `before` is done by its process before it becomes a Baton."""
    data, errors = directory / "data", directory / "errors.log"
    with errors.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "baton_cli", "up", "--port", "0", "--data-dir", str(data)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            preexec_fn=before,  # noqa: PLW1509 - it calls nothing but the system
            env={**neutral(), **environment},
        )
    try:
        assert process.stdout
        found = READY.match(process.stdout.readline())
        assert found, errors.read_text()
        dsn = find_running(data / "postgres")
        assert dsn
        yield Logged(found[1], process.pid, dsn, errors)
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        process.kill()
        process.communicate()


def living(directory: Path) -> list[str]:
    """Return the command lines of all processes that name a directory or stand in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = str((entry / "cwd").readlink())
            if str(directory) in words or where.startswith(str(directory)):
                found.append(words)
    return found


async def all_gone(directory: Path, seconds: float = 5) -> None:
    """Expect that no process has anything to do with a directory any more, or soon will have not."""
    end = time.monotonic() + seconds
    while left := living(directory):
        assert time.monotonic() < end, left
        await asyncio.sleep(0.05)
