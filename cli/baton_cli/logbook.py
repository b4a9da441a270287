"""What `baton log` says about the log: whether it is sound, where its head is, what happened in a project."""

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import typer

from baton_cli.meter import meter
from baton_cli.opened_log import open_log
from baton_cli.timeline import line_of
from baton_cli.trouble import Trouble
from baton_contracts.events import Event
from baton_eventlog.proof import Anchor, read_bounds
from baton_eventlog.reader import batches_of
from baton_eventlog.sql import load_queries
from baton_eventlog.verification import Verdict, verify

_STATEMENTS: Final = load_queries("baton_cli", "logbook.sql")
_PAGE: Final = 200


async def verify_log(data_dir: Path | None, first: int, last: int | None, expect: str | None) -> int:
    """Verify, and say what was verified. Raises `Trouble` with the first finding."""
    expected = _anchor(expect) if expect else None
    async with open_log(data_dir) as (settings, connection):
        key = settings.log_key.get_secret_value().encode() if settings.log_key else None
        with meter("Verifying") as progress:
            verdict = await verify(connection, first=first, last=last, key=key, expected=expected, progress=progress)
    typer.echo(_verdict(verdict))
    return 0


def _anchor(text: str) -> Anchor:
    try:
        return Anchor.parse(text)
    except ValueError as error:
        raise Trouble(f"{text} is no anchor: --expect takes POSITION:DIGEST, as `baton log head` prints it.") from error


def _verdict(verdict: Verdict) -> str:
    reached = verdict.reached
    said = f"Sound from position {verdict.first:,} to {reached.position:,}; digest {reached.hash.hex()}\n"
    if verdict.sealed is None:
        return said + "The seals were not checked: that takes BATON_LOG_KEY."
    if verdict.sealed >= reached.position:
        return said + "All of it is sealed."
    return said + f"It is sealed up to position {verdict.sealed:,}; what follows is held by the chain alone."


async def print_head(data_dir: Path | None) -> int:
    """Print the head as an anchor."""
    async with open_log(data_dir) as (_, connection):
        typer.echo(str((await read_bounds(connection)).head))
    return 0


async def show_project(data_dir: Path | None, project: str) -> int:
    """Print a project's events, a line each, cut to the terminal where there is one. Raises `Trouble`."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    async with open_log(data_dir) as (_, connection):
        project_id = await _find(connection, project)
        async for event in _events(connection, project_id):
            typer.echo(line_of(event)[:width])
    return 0


async def _events(connection: asyncpg.Connection, project_id: UUID) -> AsyncIterator[Event]:
    version = 0
    while rows := await connection.fetch(_STATEMENTS["events_of_project"], project_id, version, _PAGE):
        async for events in batches_of(connection, rows):
            for event in events:
                yield event
        version = rows[-1]["version"]


async def _find(connection: asyncpg.Connection, said: str) -> UUID:
    rows = await connection.fetch(_STATEMENTS["find_project"], said)
    if len(rows) == 1:
        return UUID(str(rows[0]["project_id"]))
    if rows:
        raise Trouble(f"{said} may be any of these: {_names(rows)}. Give more of the id.")
    newest = await connection.fetch(_STATEMENTS["newest_projects"])
    known = f"The newest: {_names(newest)}." if newest else "There is none yet."
    raise Trouble(f"The log knows no project {said}. {known}")


def _names(rows: list[asyncpg.Record]) -> str:
    return ", ".join(f"{row['project_id']} ({row['name']})" for row in rows)
