"""What `baton log rebuild` does: the projected tables made again from the log, or compared with it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import typer

from baton_cli.configuration import read_settings
from baton_cli.database import open_database
from baton_cli.meter import meter
from baton_cli.opened_log import in_plain_words
from baton_cli.trouble import Trouble
from baton_eventlog.aside import RebuildRefused
from baton_eventlog.comparison import compare
from baton_eventlog.rebuild import rebuild, rebuild_one


@contextlib.contextmanager
def _said() -> Iterator[None]:
    with in_plain_words():
        try:
            yield
        except RebuildRefused as error:
            raise Trouble(str(error)) from error


async def rebuild_tables(data_dir: Path | None, projection: str | None) -> int:
    """Make the tables, or one, again while they are used; return 0. Raises `Trouble`."""
    async with open_database(read_settings(data_dir=data_dir)) as dsn:
        with _said(), meter("rebuild") as report:
            if projection:
                corrected = await rebuild_one(dsn, projection, report)
                said = f"{projection} shows what the log says; rows that did not: {corrected:,}."
            else:
                said = f"The tables are rebuilt and show the log up to position {await rebuild(dsn, report):,}."
    typer.echo(said)
    return 0


async def verify_tables(data_dir: Path | None, projection: str | None) -> int:
    """Compare the tables, or one, with the log; return 1 where they differ. Raises `Trouble`."""
    async with open_database(read_settings(data_dir=data_dir)) as dsn:
        with _said(), meter("fill aside") as report:
            found = await compare(dsn, report, projection)
    what = projection or "Every table"
    if not found.total:
        typer.echo(f"{what} shows what the log says up to position {found.position:,}.")
        return 0
    for difference in found.first:
        typer.echo(str(difference))
    said = f"Rows that are not what the log says up to position {found.position:,}: {found.total:,}."
    typer.echo(f"{said} Run `baton log rebuild` to make them right.")
    return 1
