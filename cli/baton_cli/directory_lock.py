"""One owner at a time for a data directory.

The kernel frees the lock when the owner's process ends, however it ends, so there is no such thing as a stale lock.
"""

import fcntl
import os
from pathlib import Path


class DirectoryTaken(RuntimeError):
    """Another Baton owns the data directory; the message names its process."""


class DirectoryLock:
    """The file `lock` of a directory, held from `take` to `release`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None

    def take(self) -> None:
        """Become the owner, or raise `DirectoryTaken`."""
        # Python opens it non-inheritable: a child that kept it open would keep the lock as well.
        descriptor = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            owner = os.read(descriptor, 20).decode().strip()
            os.close(descriptor)
            raise DirectoryTaken(
                f"Another Baton (process {owner or 'unknown'}) already uses {self._directory}: two on the same data "
                "would destroy each other's work. Stop that one, or give this one another data directory."
            ) from held
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the directory up; nothing happens if it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
