"""Moving a log house: out into a file, and into an empty database.

An export goes to a file beside its name and gets the name when it is whole, so half of one is never taken for all.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import typer

from baton_cli.meter import meter
from baton_cli.opened_log import open_log
from baton_cli.trouble import Trouble
from baton_eventlog.transfer import export_lines, import_lines


async def export_log(data_dir: Path | None, path: Path | None) -> int:
    """Write the log to a file, or to standard output (None). Raises `Trouble`."""
    async with open_log(data_dir) as (_, connection):
        with _target(path) as file, meter("Exporting") as progress:
            async for line in export_lines(connection, progress):
                _write(file, line)
    return 0


@contextlib.contextmanager
def _target(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        file = unfinished.open("wb")
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}.") from error
    try:
        with file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write(file: BinaryIO, line: str) -> None:
    try:
        file.write(line.encode() + b"\n")
    except OSError as error:
        raise Trouble(f"The export could not be written to its end: {error.strerror}.") from error


async def import_log(data_dir: Path | None, path: Path) -> int:
    """Take a file into an empty database, and say what it holds. Raises `Trouble`; nothing is changed then."""
    with path.open("rb") as file:
        async with open_log(data_dir, create=True) as (_, connection):
            with meter("Importing") as progress:
                head = await import_lines(connection, file, progress)
    typer.echo(f"Imported {head.position:,} events; the head is {head}")
    return 0
