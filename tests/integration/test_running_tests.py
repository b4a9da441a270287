"""Running a package's tests: true results, limits that hold, and nothing left behind."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from baton_agent_runner.output import MOST_OUTPUT
from baton_agent_runner.testing import UnsafePath, run_tests
from baton_contracts.handoffs import CodePackage, SourceFile
from support.waiting import until

HEAD = "import unittest\nclass Case(unittest.TestCase):\n"


def package(body: str, path: str = "test_it.py", command: list[str] | None = None) -> CodePackage:
    return CodePackage(
        files=[SourceFile(path=path, content=body)],
        run_command=[],
        test_command=command or ["python", "-m", "unittest"],
    )


def processes_in(folder: Path) -> list[str]:
    """Return the ids of the processes that work in a folder, as Linux shows them."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if link.readlink().is_relative_to(folder):
                found.append(link.parent.name)
    return found


async def test_passing_tests_are_counted() -> None:
    report = await run_tests(package(HEAD + "    def test_a(self): pass\n    def test_b(self): pass\n"))
    assert (report.passed, report.tests_run, report.failures) == (True, 2, 0)
    assert report.command == ["python", "-m", "unittest"]


async def test_failures_and_errors_are_reported_truthfully() -> None:
    body = HEAD + "    def test_a(self): self.fail('no')\n    def test_b(self): 1 / 0\n    def test_c(self): pass\n"
    report = await run_tests(package(body))
    assert (report.passed, report.tests_run, report.failures) == (False, 3, 2)
    assert "ZeroDivisionError" in report.output


@pytest.mark.parametrize("body", ["", "raise SystemExit(0)", "print('Ran 5 tests in 0.1s'); raise SystemExit(3)"])
async def test_no_test_run_or_a_bad_ending_is_not_a_pass(body: str) -> None:
    assert not (await run_tests(package(body))).passed


async def test_a_module_that_does_not_compile_is_a_failure() -> None:
    report = await run_tests(package("def ("))
    assert (report.passed, report.failures) == (False, 1)


async def test_an_endless_loop_is_stopped_at_the_deadline(tmp_path: Path) -> None:
    started = time.monotonic()
    report = await run_tests(
        package(HEAD + "    def test_a(self):\n        while True: pass\n"), timeout=1, directory=tmp_path
    )
    assert time.monotonic() - started < 5
    assert not report.passed
    assert "longer than 1 seconds" in report.output
    assert await no_process_in(tmp_path)


async def no_process_in(folder: Path) -> bool:
    """Wait until the kernel has cleared away what was killed, two seconds at most."""
    for _ in range(40):
        if not processes_in(folder):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_children_that_outlive_the_tests_are_killed(tmp_path: Path) -> None:
    quiet = "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL"
    child = f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], {quiet})"
    body = f"import subprocess, sys, warnings\n{HEAD}    def test_a(self):\n        self.child = {child}\n"
    assert (await run_tests(package(body), directory=tmp_path)).passed
    assert await no_process_in(tmp_path)


async def test_a_child_that_holds_the_output_open_does_not_delay_the_result(tmp_path: Path) -> None:
    child = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    body = f"import subprocess, sys\n{HEAD}    def test_a(self):\n        self.child = {child}\n"
    report = await run_tests(package(body), timeout=20, directory=tmp_path)
    assert (report.passed, report.duration_seconds < 10) == (True, True)
    assert await no_process_in(tmp_path)


async def test_a_cancelled_run_leaves_no_process(tmp_path: Path) -> None:
    body = HEAD + "    def test_a(self):\n        import time; time.sleep(60)\n"
    task = asyncio.create_task(run_tests(package(body), directory=tmp_path))
    for _ in range(200):
        if processes_in(tmp_path):
            break
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await no_process_in(tmp_path)
    assert list(tmp_path.iterdir()) == []


async def test_a_memory_hog_meets_its_limit() -> None:
    report = await run_tests(package(HEAD + "    def test_a(self): bytearray(4 * 1024**3)\n"))
    assert not report.passed
    assert "MemoryError" in report.output


async def test_a_huge_file_meets_its_limit() -> None:
    body = HEAD + "    def test_a(self):\n        with open('big', 'wb') as f:\n            f.truncate(200 * 1024**2)\n"
    assert not (await run_tests(package(body))).passed


async def test_a_flood_of_output_is_cut_in_the_middle_and_still_counted() -> None:
    body = HEAD + "    def test_a(self):\n        for _ in range(2000): print('x' * 10_000)\n"
    report = await run_tests(package(body))
    assert (report.passed, report.tests_run) == (True, 1)
    assert len(report.output) < MOST_OUTPUT + 100
    assert "bytes left out" in report.output


async def test_the_environment_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that prints all of its environment shows the few harmless names that it needs."""
    for name in ("BATON_DATABASE_URL", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "canary")
    body = (
        f"import os\n{HEAD}    def test_a(self):\n        print('names', *sorted(os.environ), *os.environ.values())\n"
    )
    report = await run_tests(package(body))
    assert report.passed
    assert "names HOME LANG PATH PYTHONIOENCODING TMPDIR " in report.output.replace(" LC_CTYPE", "")
    assert "canary" not in report.output


@pytest.mark.parametrize("path", ["../out.py", "/tmp/out.py", "a/../../out.py", "..\\out.py", "C:/out.py", "."])  # noqa: S108
async def test_a_path_that_leaves_the_folder_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(UnsafePath, match="Use a relative path"):
        await run_tests(package("", path=path), directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


async def test_a_command_that_does_not_exist_is_reported() -> None:
    report = await run_tests(package("", command=["no-such-command"]))
    assert not report.passed
    assert "cannot be started" in report.output


async def test_the_tests_of_a_killed_runner_end_with_it(tmp_path: Path) -> None:
    """Nobody is left to stop them, so the kernel does."""
    endless = "import time\nfrom pathlib import Path\nPath({!r}).touch()\ntime.sleep(600)\n".format(
        str(tmp_path / "began")
    )
    runner = (
        "import asyncio\nfrom baton_agent_runner.testing import run_tests\n"
        "from baton_contracts.handoffs import CodePackage\n"
        f"files = [{{'path': 'endless.py', 'content': {endless!r}}}]\n"
        "package = CodePackage(files=files, run_command=[], test_command=['python', 'endless.py'])\n"
        "asyncio.run(run_tests(package))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", runner], env=os.environ | {"TMPDIR": str(tmp_path)})
    try:
        await until((tmp_path / "began").exists)
    finally:
        process.kill()
        process.wait(10)
    await until(lambda: not processes_in(tmp_path))
