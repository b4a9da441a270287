"""The database that a command looks at: the one in the settings, else the embedded one of the data directory.

Where a running Baton owns the directory, its server is used beside it: the port stands in the server's pid file, the
password in a file that only this user reads. Otherwise the server is started for the command and stopped after it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from baton_cli.directory_lock import DirectoryTaken
from baton_cli.interrupt import to_the_end
from baton_cli.postgres import EmbeddedPostgres
from baton_cli.trouble import Trouble

if TYPE_CHECKING:
    from baton_runtime.settings import Settings

_STARTING_SECONDS: Final = 30.0
_PORT_LINE: Final = 3
_STATE_LINE: Final = 7


@contextlib.asynccontextmanager
async def open_database(settings: "Settings", *, create: bool = False) -> AsyncIterator[str]:
    """Give the DSN of the database, as its owner; make an embedded one where there is none if `create`.

    Raises `Trouble` or `EmbeddedPostgresError`.
    """
    directory = settings.data_dir / "postgres"
    if settings.database_url:
        yield settings.database_url.get_secret_value()
    elif not create and not (directory / "cluster").exists():
        raise Trouble(
            f"There is no database in {settings.data_dir}: nothing was ever run with that data directory. Name another "
            "one with --data-dir, or set BATON_DATABASE_URL."
        )
    else:
        async with _embedded(directory) as dsn:
            yield dsn


@contextlib.asynccontextmanager
async def _embedded(directory: Path) -> AsyncIterator[str]:
    server = EmbeddedPostgres(directory)
    try:
        starting = asyncio.create_task(to_the_end(server.start))
        try:
            dsn = await starting
        except DirectoryTaken as taken:
            dsn = await _running(directory, taken)
        yield dsn
    finally:
        await to_the_end(server.stop)


async def _running(directory: Path, taken: DirectoryTaken) -> str:
    """Give the DSN of the server that another Baton runs here, once it is ready. Raises `Trouble`."""
    end = monotonic() + _STARTING_SECONDS
    while monotonic() < end:
        dsn = find_running(directory)
        if dsn:
            return dsn
        await asyncio.sleep(0.1)
    raise Trouble(f"{taken} Its database could not be reached either: set BATON_DATABASE_URL, or stop that Baton.")


def find_running(directory: Path) -> str | None:
    """Give the DSN of the server that runs on a directory; None while none is ready, or its files are not ours."""
    cluster = directory / "cluster"
    try:
        lines = [line.strip() for line in (cluster / "data" / "postmaster.pid").read_text().splitlines()]
        password = (cluster / "password").read_text().strip()
    except OSError:
        return None
    if lines[_STATE_LINE : _STATE_LINE + 1] != ["ready"]:
        return None
    return f"postgresql://baton:{password}@127.0.0.1:{int(lines[_PORT_LINE])}/baton"
