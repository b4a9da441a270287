"""What the figures were measured on, and that its disk is one."""

import os
import statistics
from pathlib import Path
from time import perf_counter
from typing import Final

_PAGE: Final = b"\x5a" * 8192
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs", "devtmpfs"})


class NotADisk(Exception):
    """The directory lives in memory: nothing that is measured there says what a commit costs."""


def filesystem(directory: Path) -> str:
    """Return the type of the file system that holds a directory. Raises `NotADisk` where that is memory."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    above = [str(parent) for parent in (directory.resolve(), *directory.resolve().parents)]
    kinds = {where: kind for _, where, kind, *_ in mounts}
    kind = next(kinds[where] for where in above if where in kinds)
    if kind in _IN_MEMORY:
        raise NotADisk(f"{directory} is on {kind}, which is memory: name a directory on a disk with --directory")
    return kind


def fdatasync_seconds(directory: Path, times: int) -> float:
    """Return the median time that appending a page and `fdatasync` take on the disk that holds a directory."""
    path = directory / "fdatasync"
    samples = []
    with path.open("wb", buffering=0) as file:
        for _ in range(times):
            started = perf_counter()
            file.write(_PAGE)
            os.fdatasync(file.fileno())
            samples.append(perf_counter() - started)
    path.unlink()
    return statistics.median(samples)


def memory_gib() -> float:
    """Return the size of the machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def private_mib(process_id: int) -> float:
    """Return the memory that a process has for itself (without PostgreSQL's shared buffers); 0 once it is gone."""
    try:
        lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024
