"""What `baton keys` does: a key's text goes to standard output once, words about it to standard error."""

import contextlib
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from baton_cli.opened_log import open_log
from baton_cli.trouble import Trouble
from baton_contracts.definitions import SLUG_PATTERN
from baton_gateway import key_book
from baton_gateway.key_book import KeyEntry, NameTaken
from baton_gateway.principal import GrantedRole

_PLAIN_WIDTH: Final = 240
_NONE: Final = "-"
_MAY: Final[dict[GrantedRole, str]] = {
    "viewer": "reads everything",
    "operator": "reads everything, creates and runs projects, and answers their questions",
    "admin": "does that and more: it completes by force, and removes bundles",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """The key that somebody wants."""

    role: GrantedRole
    tenant: str | None
    name: str | None
    days: int | None

    def check(self) -> None:
        """Raise `Trouble` where there can be no such key."""
        if self.tenant is None and self.role != "admin":
            raise Trouble(f"A key of a {self.role} belongs to a tenant: name it with --tenant.")
        if self.tenant is not None and not re.fullmatch(SLUG_PATTERN, self.tenant):
            raise Trouble("That cannot be a tenant's name: take up to 64 of a-z, 0-9 and -, no - first.")
        if self.name is not None and not re.fullmatch(key_book.NAME_PATTERN, self.name):
            raise Trouble("That cannot be a key's name: take up to 64 of a-z, 0-9 and . _ @ -, no mark first.")


async def create_key(data_dir: Path | None, wish: Wish) -> int:
    """Make a key and print it. Raises `Trouble`."""
    wish.check()
    async with _open_book(data_dir, create=True) as connection:
        try:
            key, text = await key_book.add_key(connection, wish.role, wish.tenant, name=wish.name, days=wish.days)
        except NameTaken as taken:
            raise Trouble(
                f"There is, or was, a key named {taken}, and the log means that one by it. Take another --name."
            ) from None
    typer.echo(text)
    typer.echo(_words(key), err=True)
    return 0


def _words(key: KeyEntry) -> str:
    whose = f"in tenant {key.tenant}" if key.tenant else "in every tenant, for it is of none; it also resets agents"
    until = f"until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else "until it is revoked"
    return (
        f"The key {key.name} counts {until}. Role {key.role}: it {_MAY[key.role]}, {whose}.\n"
        "It is not shown again, and only its hash is kept: put it where passwords are kept.\n"
        "Send it as `Authorization: Bearer KEY`; `baton run --url` takes it from BATON_API_KEY.\n"
        "A gateway asks for keys with BATON_AUTH=on; `baton up` does from its next start on, once there is a key.\n"
        "What was made without a key is in the tenant `default`."
    )


async def print_keys(data_dir: Path | None) -> int:
    """Print a table of all keys. Raises `Trouble`."""
    async with _open_book(data_dir) as connection:
        keys = await key_book.list_keys(connection)
    if not keys:
        typer.echo("There is no key yet: `baton keys create` makes one.", err=True)
        return 0
    width = None if sys.stdout.isatty() else _PLAIN_WIDTH
    Console(width=width, highlight=False, emoji=False).print(_table(keys))
    return 0


def _table(keys: list[KeyEntry]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("NAME", "ID", "ROLE", "TENANT", "CREATED", "EXPIRES", "STATE"):
        table.add_column(title, overflow="fold")
    for key in keys:
        expires = f"{key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else _NONE
        created = f"{key.created_at:%Y-%m-%d %H:%M}"
        cells = (key.name, key.short_id, key.role, key.tenant or _NONE, created, expires, key.state)
        table.add_row(*map(Text, cells), style="" if key.state == "valid" else "dim")
    return table


async def revoke_key(data_dir: Path | None, said: str) -> int:
    """Revoke the key that somebody means. Raises `Trouble` where it is none, or may be several."""
    async with _open_book(data_dir) as connection:
        key = _one(key_book.matching(await key_book.list_keys(connection), said))
        revoked = await key_book.revoke_key(connection, key.id)
    if revoked:
        typer.echo(f"Revoked {key.name} ({key.short_id}): it counts no more, from now on and at every gateway.")
    else:
        typer.echo(f"{key.name} ({key.short_id}) was revoked before: it counts no more.")
    return 0


def _one(found: list[KeyEntry]) -> KeyEntry:
    if not found:
        raise Trouble("There is no key of that name, and none whose id begins so: `baton keys list` shows them.")
    if len(found) > 1:
        named = ", ".join(f"{key.id} ({key.name})" for key in found)
        raise Trouble(f"That may be any of these: {named}. Give more of the id, or the name.")
    return found[0]


@contextlib.asynccontextmanager
async def _open_book(data_dir: Path | None, *, create: bool = False) -> AsyncIterator[asyncpg.Connection]:
    """Give a session of the database's owner. Raises `Trouble`."""
    async with open_log(data_dir, create=create) as (_, connection):
        try:
            yield connection
        except asyncpg.InsufficientPrivilegeError as error:
            raise Trouble(
                f"This database login may not keep keys ({error}). Run this as the owner of the schema: set "
                "BATON_DATABASE_URL to a login that applied the migrations."
            ) from error
