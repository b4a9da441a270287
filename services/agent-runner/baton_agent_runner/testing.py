"""Runs the tests of a code package for real: in a folder of its own, as a subprocess with limits.

The limits hold back mistakes (endless loops, memory, files, output), not an attacker: whoever runs code of strangers
adds a sandbox around this. Invariants: no file of the package is written outside the folder; the run's process group is
killed before `run_tests` returns or is cancelled; the report says what the run itself said, and a run without tests
has not passed.
"""

import asyncio
import contextlib
import os
import re
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path, PurePosixPath
from typing import Final

from baton_agent_runner.output import Kept
from baton_contracts.handoffs import CodePackage, TestReport

_MEMORY: Final = 1024**3  # bytes of address space of each process
_LARGEST_FILE: Final = 64 * 1024**2  # bytes
_OPEN_FILES: Final = 256
_RAN: Final = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
_FAILED: Final = re.compile(r"^FAILED \((.*)\)\s*$", re.MULTILINE)
_COUNT: Final = re.compile(r"\b(failures|errors|unexpected successes)=(\d+)")


# The child lowers its own limits before it becomes the command. Python code between fork and exec (`preexec_fn`) would
# do that in one step less, but may hang where other threads hold locks. A runner that is killed cannot stop its tests
# any more: then the kernel does (prctl 1 is PR_SET_PDEATHSIG), or the alarm clock where there is no such call.
_LAUNCHER: Final = """
import ctypes, os, resource, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))
signal.alarm(int(sys.argv.pop(1)))
for pair in sys.argv[1].split(","):
    limit, value = map(int, pair.split("="))
    most = resource.getrlimit(limit)[1]
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(limit, (value, value))
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except (OSError, ValueError) as error:
    sys.exit(f"The test command cannot be started: {error}.")
"""
_GRACE: Final = 10  # seconds after the deadline at which a run ends itself, if nobody is left to end it
_GLANCE: Final = 0.02  # seconds between two looks at a run
_LAST_WORDS: Final = 2.0  # seconds that output may take after everything is dead


class UnsafePath(ValueError):
    """A package names a file outside its folder, or two files in one place: nothing of it was run."""


async def run_tests(package: CodePackage, *, timeout: float = 60, directory: Path | None = None) -> TestReport:
    """Write the package's files into a fresh folder, run its test command there, and report what that gave.

    `timeout` is in seconds; `directory` is where the temporary folder is made. Raises `UnsafePath` for a path that
    leaves the folder, and `OSError` when the folder cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="baton-tests-", dir=directory, ignore_cleanup_errors=True) as name:
        source = Path(name, "package")
        write_files(package, source)  # beside the loop it could go on writing after a cancellation
        started = time.monotonic()
        status, output = await _run(_command(package.test_command), source, timeout)
        return report(package.test_command, status, output, time.monotonic() - started)


def write_files(package: CodePackage, folder: Path) -> None:
    """Write the files of a package; raises `UnsafePath` before the first one is written."""
    paths = [_checked(file.path) for file in package.files]
    parents = {parent for path in paths for parent in path.parents}
    if len(set(paths)) < len(paths) or parents & set(paths):
        raise UnsafePath("Two files of the package want the same place. Give every file a path of its own.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, file in zip(paths, package.files, strict=True):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.content, encoding="utf-8", newline="")


def _checked(text: str) -> PurePosixPath:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in text or "\0" in text or ":" in text:
        raise UnsafePath(f"The path {text!r} leaves the folder of the package. Use a relative path without '..'.")
    return path


def _command(command: list[str]) -> list[str]:
    """Return the command with this very Python for `python`; user packages and PYTHON* variables are left out."""
    if command and command[0] in {"python", "python3"}:
        return [sys.executable, "-E", "-s", "-B", *command[1:]]
    return command


async def _run(command: list[str], folder: Path, timeout: float) -> tuple[int | None, str]:
    """Run a command to its end or its deadline; return its status (None after the deadline) and its output."""
    if not command:
        return 127, "The package names no test command."
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-c", _LAUNCHER, str(int(timeout) + _GRACE), _limits(timeout), *command),
        cwd=folder,
        env=_environment(folder),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    kept = Kept()
    reading = asyncio.create_task(kept.read(process.stdout))
    try:
        status = await _ended(process, timeout)
    finally:
        await _kill(process)
        await asyncio.wait([reading], timeout=_LAST_WORDS)
        reading.cancel()
    ending = "" if status is not None else f"\nThe tests were stopped: they took longer than {timeout:g} seconds.\n"
    return status, kept.text() + ending


async def _ended(process: asyncio.subprocess.Process, timeout: float) -> int | None:
    """Return the status of a process, or None at the deadline.

    `Process.wait()` of Python 3.11 also waits for whoever holds the output open, such as a child left behind.
    """
    deadline = time.monotonic() + timeout
    while process.returncode is None and time.monotonic() < deadline:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(_GLANCE)
    return process.returncode


def _environment(folder: Path) -> dict[str, str]:
    temporary = str(folder.parent)
    return {"PATH": os.defpath, "HOME": temporary, "TMPDIR": temporary, "LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8"}


def _limits(timeout: float) -> str:
    """Return the limits of a run as the launcher takes them.

    The number of processes is not limited: that limit counts all processes of the user, ours too.
    """
    limits = {
        resource.RLIMIT_CPU: max(1, int(timeout) + 1),
        resource.RLIMIT_AS: _MEMORY,
        resource.RLIMIT_FSIZE: _LARGEST_FILE,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    return ",".join(f"{limit}={value}" for limit, value in limits.items())


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill whatever is left of the run's process group, and wait for the process itself."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(process.wait())


def report(command: list[str], status: int | None, output: str, seconds: float) -> TestReport:
    """Return the report of a run: passed only if it ended well, ran at least one test, and none failed."""
    runs = _RAN.findall(output)
    tests = int(runs[-1]) if runs else 0
    said = _FAILED.findall(output)
    failures = sum(int(number) for _, number in _COUNT.findall(said[-1])) if said else 0
    passed = status == 0 and tests > 0 and failures == 0
    return TestReport(
        passed=passed,
        tests_run=tests,
        failures=failures,
        command=command,
        duration_seconds=round(seconds, 3),
        output=output if passed or failures or status is None else f"{output}\n{_why(status, tests)}\n",
    )


def _why(status: int, tests: int) -> str:
    if status < 0:
        return f"The test command was ended by signal {-status}; it may have met a limit of time or memory."
    if not tests:
        return f"No test ran (the test command ended with status {status}), and that does not count as passed."
    return f"The test command ended with status {status}."
