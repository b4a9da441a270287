"""The table of blobs: written before the events that name them, read with them."""

from collections.abc import Collection

import asyncpg

from baton_eventlog.blobs import Blob
from baton_eventlog.sql import QUERIES

Source = asyncpg.Pool | asyncpg.Connection


async def keep_blobs(source: Source, blobs: Collection[Blob]) -> None:
    """Write what is not there yet; it is durable when this returns, where no transaction is open.

    Raises `asyncpg.DataError` for a content that PostgreSQL does not take as JSON, and
    `asyncpg.IntegrityConstraintViolationError` for one that is over 16 MiB or is not what its digest says.
    """
    await source.execute(QUERIES["keep_blobs"], [blob.sha256 for blob in blobs], [blob.json for blob in blobs])


async def fetch_blobs(source: Source, digests: Collection[str]) -> dict[str, str]:
    """Return the JSON texts of those blobs that are there, by sha256."""
    rows = await source.fetch(QUERIES["blobs"], list(digests))
    return {row["sha256"]: row["content"] for row in rows}


async def named_blobs(source: Source, low: int, high: int) -> list[str]:
    """Return the sha256 of every blob that the events in (low, high] name, once each."""
    return [row[0] for row in await source.fetch(QUERIES["named_blobs"], low, high)]
