"""The embedded PostgreSQL: set up on its first start, owned by one Baton at a time, gone when its owner is gone.

A directory holds `lock`, `postgres.log` (and the one before), and `cluster/` with the data and the password.
Invariants: the lock is held from start to stop, and the kernel frees it however its owner ends; what an earlier
owner left running is ended before a new start; the server listens on a free port of 127.0.0.1 with scram passwords
and on no Unix socket (a socket's path may have 107 bytes only, and nobody here needs one). A first start that is
cut short is begun anew. Other failures raise `EmbeddedPostgresError` with the end of PostgreSQL's own words.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO

from baton_cli import postgres_binaries, postgres_leftovers, postgres_user, tied_process
from baton_cli.directory_lock import DirectoryLock
from baton_cli.postgres_binaries import EmbeddedPostgresError
from baton_cli.postgres_programs import Programs

_START_SECONDS = 60.0
_SETUP_SECONDS = 120.0
_PAUSE_SECONDS = 0.02
_PORT_ATTEMPTS = 3
_LOG_LINES = 15
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_FAST_AND_FORGETFUL = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class EmbeddedPostgres:
    """A PostgreSQL server of our own, whose data live in `directory`; also a context manager that gives its DSN.

    `durable=False` is for tests: it is faster, and a crash of the machine loses the data. All methods block, for up to
    60 s (start; 3 min the first time) and 30 s (stop): call them in a thread where an event loop runs.
    """

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self._directory = directory.absolute()
        self._settings = _SETTINGS if durable else _SETTINGS | _FAST_AND_FORGETFUL
        self._durable = durable
        self._lock = DirectoryLock(self._directory)
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the server and give its DSN once it accepts queries; the user `baton` owns the server.

        Raises `DirectoryTaken` when another Baton owns the directory, and `EmbeddedPostgresError` when the directory
        cannot be written to, no PostgreSQL is found or it does not start within 60 s.
        """
        try:
            # Others may pass through, for an account that is not ours; what lies within is closed to them.
            self._directory.mkdir(mode=0o711, parents=True, exist_ok=True)
            self._lock.take()
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The data directory {self._directory.parent} cannot be used ({error.strerror}: {error.filename}). "
                "Choose another one with --data-dir or BATON_DATA_DIR."
            ) from error
        try:
            return self._serve()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut the server down in good order, harder after 20 s, and free the directory; may be called again."""
        if self._server is not None:
            tied_process.end(self._server, postgres_leftovers.STEPS)
            self._server = None
        self._lock.release()

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self) -> str:
        identity = postgres_user.choose()
        home = postgres_user.settle(identity, self._directory)
        programs = Programs(postgres_user.bring(identity, postgres_binaries.find(), home), identity)
        postgres_leftovers.end(home / "data")
        if not (home / "data").exists():
            self._set_up(programs, home)
        port = self._listen(programs, home / "data")
        password = (home / "password").read_text().strip()
        return f"postgresql://baton:{password}@127.0.0.1:{port}/baton"

    def _set_up(self, programs: Programs, home: Path) -> None:
        """Make the data in a folder beside their place and move them there whole, so a cut leaves nothing half done."""
        for unfinished in home.glob("unfinished-*"):
            shutil.rmtree(unfinished)
        _write_password(programs, home / "password")
        made = Path(tempfile.mkdtemp(prefix="unfinished-", dir=home))
        postgres_user.give(programs.identity, made)
        options = ["-D", str(made), "--username=baton", f"--pwfile={home / 'password'}", "--auth=scram-sha-256"]
        options += ["--encoding=UTF8", "--data-checksums", *programs.binaries.locale_options()]
        options += [] if self._durable else ["--no-sync"]
        programs.run("initdb", *options, seconds=_SETUP_SECONDS)
        single = ["--single", "-D", str(made), *self._options(), "postgres"]
        programs.run("postgres", *single, text="CREATE DATABASE baton\n", seconds=_SETUP_SECONDS)
        made.rename(home / "data")

    def _options(self) -> list[str]:
        return [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]

    def _listen(self, programs: Programs, data: Path) -> int:
        """Start the server on a free port, on another one when somebody takes it in between, and give the port."""
        for _ in range(_PORT_ATTEMPTS):
            port = _free_port()
            with _fresh_log(self._directory / "postgres.log") as log:
                words = ["-D", str(data), *self._options(), "-c", f"port={port}"]
                self._server = programs.spawn("postgres", *words, log=log)
            if self._becomes_ready(self._server, data):
                return port
            if "could not bind" not in self._last_words():
                break
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL in {self._directory} ended while it was starting. Its last words:\n"
            f"{self._last_words()}\nMend the cause, or set BATON_DATABASE_URL to a server of your own."
        )

    def _becomes_ready(self, server: subprocess.Popen[bytes], data: Path) -> bool:
        """Wait until the server says in its pid file that it accepts queries; False when it ends instead."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if _says_ready(data / "postmaster.pid", server.pid):
                return True
            if server.poll() is not None:
                return False
            time.sleep(_PAUSE_SECONDS)
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL in {self._directory} did not accept queries within {_START_SECONDS:.0f} s and "
            f"was stopped; no data are lost. Its last words:\n{self._last_words()}\nStart again on a calmer machine."
        )

    def _last_words(self) -> str:
        lines = (self._directory / "postgres.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])


def _says_ready(pid_file: Path, process_id: int) -> bool:
    """Read the server's own word (what `pg_ctl --wait` looks at): the first line is its id, the eighth its state."""
    try:
        lines = pid_file.read_text().splitlines()
    except OSError:
        return False
    return lines[:1] == [str(process_id)] and [state.strip() for state in lines[7:8]] == ["ready"]


def _write_password(programs: Programs, path: Path) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(secrets.token_urlsafe(24) + "\n")
    postgres_user.give(programs.identity, path)


def _fresh_log(path: Path) -> IO[bytes]:
    """Open an empty log; the one of the start before stays beside it."""
    if path.exists():
        path.replace(path.with_suffix(".log.before"))
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")  # noqa: PTH123  (a descriptor)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
