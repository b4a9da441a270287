"""`baton db`: the schema of the database."""

import typer

from baton_cli.attempt import DataDir, attempt

app = typer.Typer(no_args_is_help=True, help="The schema of the database.")


@app.command()
def status(data_dir: DataDir = None) -> None:
    """List the migrations; status 1 where one is missing, or was changed after it was applied."""

    async def work() -> int:
        from baton_cli import schema  # noqa: PLC0415

        return await schema.print_status(data_dir)

    raise typer.Exit(attempt(work))


@app.command()
def up(data_dir: DataDir = None) -> None:
    """Apply the migrations that are missing, and give the services' role its rights."""

    async def work() -> int:
        from baton_cli import schema  # noqa: PLC0415

        return await schema.bring_up(data_dir)

    raise typer.Exit(attempt(work))
