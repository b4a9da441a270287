"""`baton keys`: who may use the gateway. What a command does is imported when it is used."""

from typing import Annotated

import typer

from baton_cli.attempt import DataDir, attempt
from baton_gateway.principal import GrantedRole

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")
_MOST_DAYS = 36_500


@app.command()
def create(
    role: Annotated[
        GrantedRole, typer.Option(help="viewer reads, operator works with projects, admin manages them too.")
    ],
    tenant: Annotated[
        str | None, typer.Option(help="Whose projects; an admin may leave it out.", show_default=False)
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the log calls it. Without it: the beginning of its id.", show_default=False)
    ] = None,
    expires_days: Annotated[
        int | None, typer.Option(help="Days that it counts; without them it has no end.", min=1, max=_MOST_DAYS)
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it, this once, alone on standard output."""

    async def work() -> int:
        from baton_cli import key_ring  # noqa: PLC0415

        return await key_ring.create_key(data_dir, key_ring.Wish(role, tenant, name, expires_days))

    raise typer.Exit(attempt(work))


@app.command(name="list")
def list_(data_dir: DataDir = None) -> None:
    """List the keys, those that count no more too."""

    async def work() -> int:
        from baton_cli import key_ring  # noqa: PLC0415

        return await key_ring.print_keys(data_dir)

    raise typer.Exit(attempt(work))


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="NAME_OR_ID", help="The key's name, its id, or the id's beginning.")],
    data_dir: DataDir = None,
) -> None:
    """Revoke a key: from its next request on it is worth nothing."""

    async def work() -> int:
        from baton_cli import key_ring  # noqa: PLC0415

        return await key_ring.revoke_key(data_dir, key)

    raise typer.Exit(attempt(work))
