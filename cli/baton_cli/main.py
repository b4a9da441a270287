"""The `baton` command. What a command does is imported when it is used, so that `baton --help` answers at once."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from baton_cli import db, keys, log
from baton_cli.attempt import DataDir, attempt

DEFAULT_IDEA = "A recipe box where people share recipes with ingredients, rate them and search by tag"
_INTERRUPTED = tuple(128 + number for number in (signal.SIGINT, signal.SIGTERM))

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Baton turns a product idea into reviewed, downloadable software.",
)
app.add_typer(log.app, name="log")
app.add_typer(db.app, name="db")
app.add_typer(keys.app, name="keys")


@app.command()
def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port; 0 takes a free one. [default: 8080]", min=0, max=65535)
    ] = None,
    data_dir: DataDir = None,
    *,
    processes: Annotated[bool, typer.Option("--processes", help="Five processes instead of one.")] = False,
) -> None:
    """Serve until Ctrl-C: the REST API, /ws and the five services."""

    async def work() -> int:
        from baton_cli.configuration import read_settings  # noqa: PLC0415

        settings = read_settings(host=host, port=port, data_dir=data_dir)
        if processes:
            from baton_cli.processes import supervise  # noqa: PLC0415

            return await supervise(settings)
        from baton_cli.up import serve  # noqa: PLC0415

        return await serve(settings)

    status = attempt(work)
    raise typer.Exit(0 if status in _INTERRUPTED else status)


@app.command()
def run(
    idea: Annotated[str, typer.Argument(help="What shall be built.")] = DEFAULT_IDEA,
    url: Annotated[str | None, typer.Option(help="A running gateway; without it one is started for this run.")] = None,
    out: Annotated[Path, typer.Option(help="Where the ZIP goes.", file_okay=False)] = Path("out"),
    data_dir: DataDir = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Approve at every gate instead of asking.")] = False,
) -> None:
    """Carry an idea through all agents to a ZIP, and show it live."""
    from baton_cli.run import Errand, Order  # noqa: PLC0415

    errand = Errand(Order(idea, out, url, data_dir, yes))
    raise typer.Exit(attempt(errand.run, errand.abandon))


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed_version  # noqa: PLC0415

    typer.echo(f"baton {installed_version('baton-cli')}")
