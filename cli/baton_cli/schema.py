"""What `baton db` says and does about the schema."""

from pathlib import Path

import typer

from baton_cli.configuration import read_settings
from baton_cli.database import open_database
from baton_cli.opened_log import in_plain_words
from baton_eventlog import migrations


async def print_status(data_dir: Path | None) -> int:
    """List the migrations; return 1 where one is pending or drifted. Raises `Trouble`."""
    async with open_database(read_settings(data_dir=data_dir)) as dsn:
        with in_plain_words():
            found = await migrations.status(dsn)
    for one in found:
        when = f"  {one.applied_at:%Y-%m-%d %H:%M:%S}" if one.applied_at else ""
        typer.echo(f"{one.state:<8}  {one.name}{when}")
    return int(any(one.state in ("pending", "drifted") for one in found))


async def bring_up(data_dir: Path | None) -> int:
    """Apply what is missing and give the rights. Raises `Trouble`."""
    async with open_database(read_settings(data_dir=data_dir), create=True) as dsn:
        with in_plain_words():
            applied = await migrations.migrate(dsn)
            granted = await migrations.grant_rights(dsn)
    for name in applied:
        typer.echo(f"applied   {name}")
    typer.echo("The schema is up to date.")
    if not granted:
        typer.echo(
            "The role baton_app does not exist, so services keep the rights of their login. As an administrator: "
            "CREATE ROLE baton_app NOLOGIN; GRANT baton_app TO that login; then run this again.",
            err=True,
        )
    return 0
