"""`baton log`: look at the log, prove it, move it. What a command does is imported when it is used."""

from pathlib import Path
from typing import Annotated, Final

import typer

from baton_cli.attempt import DataDir, attempt

app = typer.Typer(no_args_is_help=True, help="Look at the log, prove it, and move it.")
STREAM: Final = "-"


@app.command()
def verify(
    first: Annotated[int, typer.Option("--from", help="The first position.", min=1)] = 1,
    last: Annotated[
        int | None, typer.Option("--to", help="The last position. [default: the head]", min=1, show_default=False)
    ] = None,
    expect: Annotated[
        str | None, typer.Option(help="POSITION:DIGEST as `baton log head` once printed it.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Recompute the chain of hashes, and the seals with BATON_LOG_KEY; status 1 and the first finding if any."""

    async def work() -> int:
        from baton_cli import logbook  # noqa: PLC0415

        return await logbook.verify_log(data_dir, first, last, expect)

    raise typer.Exit(attempt(work))


@app.command()
def head(data_dir: DataDir = None) -> None:
    """Print POSITION:DIGEST of the head, to be kept elsewhere for `verify --expect`."""

    async def work() -> int:
        from baton_cli import logbook  # noqa: PLC0415

        return await logbook.print_head(data_dir)

    raise typer.Exit(attempt(work))


@app.command()
def show(
    project: Annotated[str, typer.Argument(help="The project's id, its beginning, or its name.")],
    data_dir: DataDir = None,
) -> None:
    """Tell what happened in a project, event by event."""

    async def work() -> int:
        from baton_cli import logbook  # noqa: PLC0415

        return await logbook.show_project(data_dir, project)

    raise typer.Exit(attempt(work))


@app.command()
def export(
    file: Annotated[str, typer.Argument(help="Where it goes; - is standard output.")], data_dir: DataDir = None
) -> None:
    """Write the whole log as lines of JSON, each verified."""

    async def work() -> int:
        from baton_cli import removal  # noqa: PLC0415

        return await removal.export_log(data_dir, None if file == STREAM else Path(file))

    raise typer.Exit(attempt(work))


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="What `baton log export` wrote.", exists=True, dir_okay=False)],
    data_dir: DataDir = None,
) -> None:
    """Take an exported log into an empty database, verified line by line: all of it or nothing."""

    async def work() -> int:
        from baton_cli import removal  # noqa: PLC0415

        return await removal.import_log(data_dir, file)

    raise typer.Exit(attempt(work))


@app.command()
def rebuild(
    projection: Annotated[
        str | None, typer.Option(metavar="NAME", help="Correct this table alone.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Change nothing; status 1 where rows differ.")] = False,
) -> None:
    """Make the tables that everybody reads again from the log, while they are read and written."""

    async def work() -> int:
        from baton_cli import log_rebuild  # noqa: PLC0415

        act = log_rebuild.verify_tables if verify else log_rebuild.rebuild_tables
        return await act(data_dir, projection)

    raise typer.Exit(attempt(work))
