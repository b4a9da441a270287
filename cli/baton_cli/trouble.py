"""Errors that a person can do something about: one plain line each instead of a traceback."""

import sys
from typing import Final

from baton_cli.directory_lock import DirectoryTaken
from baton_cli.postgres_binaries import EmbeddedPostgresError

_ELSEWHERE: Final = (
    ("baton_runtime.host", "NotStarted"),
    ("baton_runtime.settings", "UnfitSettings"),
    ("baton_runtime.definitions", "CoreNotFoundError"),
)


class Trouble(Exception):
    """What happened, what it means and what to do next; shown as it is."""


def plain(error: BaseException) -> str | None:
    """Return the line to show for an error, or None where it is a fault of ours that deserves its traceback."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, Trouble | DirectoryTaken | EmbeddedPostgresError) or _comes_from_elsewhere(error):
        return str(error)
    return None


def _comes_from_elsewhere(error: BaseException) -> bool:
    """Look into modules that are loaded anyway: importing them for their errors alone would cost half a second."""
    known = [getattr(sys.modules.get(module), name, None) for module, name in _ELSEWHERE]
    return any(kind is not None and isinstance(error, kind) for kind in known)
