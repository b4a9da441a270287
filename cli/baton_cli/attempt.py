"""How every command is tried: its work runs until it ends or is interrupted, and a known error is one line."""

import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from baton_cli import interrupt
from baton_cli.trouble import plain
from baton_runtime.redaction import redact

DataDir = Annotated[
    Path | None, typer.Option(help="Where the database and the bundles live.", file_okay=False, show_default=False)
]


def attempt(work: Callable[[], Coroutine[Any, Any, int]], forced: Callable[[], None] = lambda: None) -> int:
    """Do the work of a command and return its exit status; a known error is one line, and status 1."""
    try:
        return interrupt.run(work, forced)
    except BrokenPipeError:  # whoever read our output has enough, as in `baton log show ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that Python's own flush at the end is quiet
        return 128 + signal.SIGPIPE
    except Exception as error:
        line = plain(error)
        if line is None:
            raise
        print(redact(f"baton: {line}"), file=sys.stderr)  # noqa: T201
        return 1
