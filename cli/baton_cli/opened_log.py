"""A session on the log for a command, as the database's owner, whose errors are words for a person."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg

from baton_cli.configuration import read_settings
from baton_cli.database import open_database
from baton_cli.trouble import Trouble
from baton_eventlog.blobs import BlobMissing
from baton_eventlog.database import UNAVAILABLE, close_quietly, connect
from baton_eventlog.exported import BadLine
from baton_eventlog.migrations import SchemaDrift, SchemaOwnerNeeded, migrate
from baton_eventlog.proof import LogAltered
from baton_eventlog.transfer import NotEmpty
from baton_eventlog.verification import OutOfRange
from baton_runtime.settings import Settings

_SAID = (LogAltered, OutOfRange, BadLine, NotEmpty, BlobMissing, SchemaDrift, SchemaOwnerNeeded)


@contextlib.contextmanager
def in_plain_words() -> Iterator[None]:
    """Raise `Trouble` for what a person can do something about."""
    try:
        yield
    except _SAID as error:
        raise Trouble(str(error)) from error
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError) as error:
        raise Trouble(f"The database has no log of this version ({error}). Run `baton db up` first.") from error
    except BrokenPipeError:  # of our own output, not of PostgreSQL
        raise
    except UNAVAILABLE as error:
        reason = str(error) or type(error).__name__
        raise Trouble(f"PostgreSQL does not answer ({reason}). Check BATON_DATABASE_URL, or try again.") from error
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        raise Trouble(f"PostgreSQL refused the connection: {error}. Check BATON_DATABASE_URL.") from error


@contextlib.asynccontextmanager
async def open_log(
    data_dir: Path | None, *, create: bool = False
) -> AsyncIterator[tuple[Settings, asyncpg.Connection]]:
    """Give the settings and a session; with `create`, an embedded database is made and migrated if need be.

    Raises `Trouble` or `EmbeddedPostgresError`.
    """
    settings = read_settings(data_dir=data_dir)
    async with open_database(settings, create=create) as dsn:
        with in_plain_words():
            if create and not settings.database_url:
                await migrate(dsn)
            timeouts = {"statement_timeout": "300s", "idle_in_transaction_session_timeout": "60s"}
            connection = await connect(dsn, name="baton-log", **timeouts)
            try:
                yield settings, connection
            finally:
                await close_quietly(connection)
