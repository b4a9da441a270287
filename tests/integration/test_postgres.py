"""The embedded PostgreSQL: its start, its end, and the deaths of its owner in between."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from baton_cli.directory_lock import DirectoryTaken
from baton_cli.postgres import EmbeddedPostgres
from baton_cli.postgres_binaries import EmbeddedPostgresError

_SECONDS = 30.0
_OWNER = """
import pathlib, sys, time
from baton_cli.postgres import EmbeddedPostgres
print(EmbeddedPostgres(pathlib.Path(sys.argv[1]), durable=False).start(), flush=True)
time.sleep(120)
"""
_OWNER_UNTIED = "from baton_cli import tied_process; tied_process.tie = lambda signal: ()\n" + _OWNER


async def test_a_first_start_gives_a_database_that_answers_and_sorts_by_code_point(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False) as dsn:
        assert await _ask(dsn, "SELECT current_database()::text") == "baton"
        assert await _ask(dsn, "SELECT pg_encoding_to_char(encoding)::text FROM pg_database LIMIT 1") == "UTF8"
        assert await _ask(dsn, "SELECT 'Z' < 'a'") is True
        assert await _ask(dsn, "SHOW data_checksums") == "on"


async def test_only_the_address_of_this_machine_is_listened_on_and_a_wrong_password_is_refused(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False) as dsn:
        assert await _ask(dsn, "SHOW listen_addresses") == "127.0.0.1"
        password = (tmp_path / "cluster" / "password").read_text().strip()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await _ask(dsn.replace(password, "wrong"), "SELECT 1")
        assert (tmp_path / "cluster" / "password").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("durable", "expected"), [(True, "on"), (False, "off")])
async def test_durability_is_on_unless_a_test_asks_otherwise(tmp_path: Path, durable: bool, expected: str) -> None:  # noqa: FBT001
    with EmbeddedPostgres(tmp_path, durable=durable) as dsn:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            assert await _ask(dsn, f"SHOW {setting}") == expected


async def test_a_restart_keeps_the_data(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as dsn:
        await _ask(dsn, "CREATE TABLE kept AS SELECT 7 AS number")
    with EmbeddedPostgres(tmp_path) as dsn:
        assert await _ask(dsn, "SELECT number FROM kept") == 7


async def test_stopping_twice_is_harmless_and_leaves_no_process(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, durable=False)
    server.start()
    assert _postgres_on(tmp_path)
    server.stop()
    server.stop()
    assert _postgres_on(tmp_path) == []


def test_a_second_owner_is_refused_in_plain_words_and_the_first_goes_on(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False):
        second = EmbeddedPostgres(tmp_path, durable=False)
        with pytest.raises(DirectoryTaken, match=rf"process {os.getpid()}\) already uses"):
            second.start()
        second.stop()
        assert _postgres_on(tmp_path)


def test_postgres_ends_by_itself_when_its_owner_is_killed(tmp_path: Path) -> None:
    with _owner(tmp_path, _OWNER) as owner:
        owner.kill()
        owner.wait(_SECONDS)
    assert _none_left_within(tmp_path, _SECONDS)


@pytest.mark.parametrize("script", [_OWNER, _OWNER_UNTIED], ids=["told by the kernel", "left behind"])
async def test_after_the_owner_was_killed_the_next_start_works_and_the_data_are_there(
    tmp_path: Path, script: str
) -> None:
    with _owner(tmp_path, script) as owner:
        await _ask(_dsn_of(owner), "CREATE TABLE kept AS SELECT 7 AS number")
        before = _postgres_on(tmp_path)
        owner.kill()
        owner.wait(_SECONDS)
        with EmbeddedPostgres(tmp_path, durable=False) as dsn:
            assert await _ask(dsn, "SELECT number FROM kept") == 7
            assert not set(before) & set(_postgres_on(tmp_path))
    assert _postgres_on(tmp_path) == []


async def test_a_killed_postmaster_does_not_hinder_the_next_start(tmp_path: Path) -> None:
    first = EmbeddedPostgres(tmp_path)
    await _ask(first.start(), "CREATE TABLE kept AS SELECT 7 AS number")
    for process_id in _postgres_on(tmp_path):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)
    first.stop()
    with EmbeddedPostgres(tmp_path) as dsn:
        assert await _ask(dsn, "SELECT number FROM kept") == 7


def test_a_pid_file_that_names_a_foreign_process_harms_nobody(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False):
        pass
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "cluster" / "data" / "postmaster.pid").write_text(f"{bystander.pid}\n")
        with EmbeddedPostgres(tmp_path, durable=False):
            assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait(_SECONDS)


async def test_a_ctrl_c_at_the_terminal_does_not_reach_postgres(tmp_path: Path) -> None:
    script = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + _OWNER
    with _owner(tmp_path, script) as owner:
        dsn = _dsn_of(owner)
        os.killpg(owner.pid, signal.SIGINT)  # as the terminal does to its foreground group
        await asyncio.sleep(0.5)
        assert await _ask(dsn, "SELECT 1") == 1
        owner.kill()
    assert _none_left_within(tmp_path, _SECONDS)


def test_a_failed_start_shows_postgres_own_last_words_and_frees_the_directory(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, durable=False)
    server.start()
    server.stop()
    broken = tmp_path / "cluster" / "data" / "PG_VERSION"
    good = broken.read_text()
    broken.write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match="incompatible with server"):
        server.start()
    broken.write_text(good)
    server.start()
    server.stop()


async def test_a_set_up_that_was_cut_short_is_begun_anew(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False):
        pass
    (tmp_path / "cluster" / "data").rename(tmp_path / "cluster" / "unfinished-once")
    with EmbeddedPostgres(tmp_path, durable=False) as dsn:
        assert await _ask(dsn, "SELECT 1") == 1
    assert not (tmp_path / "cluster" / "unfinished-once").exists()


async def test_each_test_gets_an_empty_database_of_its_own(database: str, postgres_server: str) -> None:
    assert database != postgres_server
    assert await _ask(database, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'") == 0


async def _ask(dsn: str, question: str) -> object:
    connection = await asyncpg.connect(dsn, timeout=_SECONDS)
    try:
        return await connection.fetchval(question, timeout=_SECONDS)
    finally:
        await connection.close(timeout=_SECONDS)


@contextlib.contextmanager
def _owner(directory: Path, script: str) -> Iterator[subprocess.Popen[str]]:
    """Run a process that owns a server on `directory`, in a process group of its own."""
    words = [sys.executable, "-c", script, str(directory)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as owner:
        try:
            yield owner
        finally:
            owner.kill()


def _dsn_of(owner: subprocess.Popen[str]) -> str:
    assert owner.stdout is not None
    return owner.stdout.readline().strip()


def _postgres_on(directory: Path) -> list[int]:
    """Find the processes that stand in the data folder, as each of PostgreSQL's does."""
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _stands_in(entry, directory)]


def _stands_in(entry: Path, directory: Path) -> bool:
    try:
        return (entry / "cwd").samefile(directory / "cluster" / "data")
    except OSError:
        return False


def _none_left_within(directory: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _postgres_on(directory) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _postgres_on(directory)
