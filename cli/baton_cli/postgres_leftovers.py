"""PostgreSQL processes that an earlier owner left on a data directory, and their end.

A postmaster outlives a Baton that was killed unless the kernel could be asked to tell it, and may still be shutting
down when the next Baton starts. A process counts as a leftover only when it is called `postgres` and stands in this
data directory (each of PostgreSQL's processes does): a process id from a file may by now belong to somebody else.
On systems without /proc nothing is found, and PostgreSQL itself refuses to start beside a living postmaster.
"""

import os
import signal
import time
from pathlib import Path

from baton_cli.postgres_binaries import EmbeddedPostgresError

# Fast shutdown keeps the next start free of recovery; the harder signals cost a recovery and lose no data.
STEPS: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
_PAUSE_SECONDS = 0.05


def end(data: Path) -> None:
    """End whatever PostgreSQL still runs on `data`, and remove its stale pid file.

    The caller holds the directory's lock. Takes up to 30 s; raises `EmbeddedPostgresError` when a process outlives
    even SIGKILL (it hangs in the kernel, mostly on a dead disk).
    """
    for step, seconds in STEPS:
        # A fast shutdown is asked of the postmaster alone: to its children the same signal means other things.
        targets = [_postmaster(data)] if step == signal.SIGINT else _living(data)
        for process_id in targets:
            _send(process_id, step)
        if _gone_within(data, seconds):
            (data / "postmaster.pid").unlink(missing_ok=True)
            return
    raise EmbeddedPostgresError(
        f"A PostgreSQL of an earlier run (process {_living(data)}) does not end and still holds {data}. "
        "Nothing was started beside it. Look at the machine's disk, or choose another data directory."
    )


def _postmaster(data: Path) -> int | None:
    """Give the id in the pid file if it is a living postgres of this directory."""
    try:
        written = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return written if written in _living(data) else None


def _living(data: Path) -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _is_postgres_of(entry, data)]


def _is_postgres_of(entry: Path, data: Path) -> bool:
    try:
        return (entry / "comm").read_text().strip() == "postgres" and (entry / "cwd").samefile(data)
    except OSError:
        return False


def _send(process_id: int | None, step: signal.Signals) -> None:
    if process_id is None:
        return
    try:
        os.kill(process_id, step)
    except ProcessLookupError:
        return


def _gone_within(data: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _living(data):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True
