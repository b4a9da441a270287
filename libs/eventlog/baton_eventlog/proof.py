"""Proof that the log is what was appended: the chain of hashes, recomputed in SQL range by range.

Each hash covers the one before it and the row's own columns, so the first row that was altered, dropped, moved or
put in is found at its position. What the chain cannot show: a row altered together with every later hash (the
seals show that, see `baton_eventlog.seal`), and a tail cut off together with its head and its seals (an anchor
shows that: a position and digest kept elsewhere). The first finding is raised as `LogAltered`; nothing is mended.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

import asyncpg

from baton_eventlog.sql import load_queries

PROOFS: Final = load_queries("baton_eventlog", "proof.sql")
GENESIS: Final = b"\x00"
RANGE: Final = 10_000
DEADLINE: Final = 300.0
_NEAR: Final = 5_000
Kind = Literal["altered", "missing", "order", "head", "rewritten", "seal", "anchor", "blob"]
Source = asyncpg.Pool | asyncpg.Connection
Progress = Callable[[int, int], None]


class LogAltered(Exception):
    """The log is not what was appended; the message names the first position and what is wrong there."""

    def __init__(self, kind: Kind, position: int, what: str, *, last: int | None = None) -> None:
        super().__init__(what)
        self.kind = kind
        self.position = position
        self.last = last or position  # the finding lies between the two, where one position cannot be named


@dataclass(frozen=True, slots=True)
class Anchor:
    """A position and the hash there: what `baton log head` prints, to be kept elsewhere."""

    position: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """Read POSITION:DIGEST. Raises `ValueError`."""
        position, _, digest = text.strip().partition(":")
        return cls(int(position), bytes.fromhex(digest))


@dataclass(frozen=True, slots=True)
class Bounds:
    """The head, as it says of itself, and the rows that there are; None where there is no row."""

    head: Anchor
    epoch: UUID
    first: int | None
    last: int | None


async def read_bounds(source: Source) -> Bounds:
    """Return head and bounds of the log in one snapshot. Raises `LogAltered` unless there is one head."""
    row = await source.fetchrow(PROOFS["bounds"])
    if row is None or row["heads"] != 1:
        raise LogAltered("head", 0, f"log_head has {row['heads'] if row else 0} rows instead of one")
    return Bounds(Anchor(row["position"], row["hash"]), row["epoch"], row["first"], row["last"])


def ignore(_done: int, _total: int) -> None:
    """Tell nobody."""


async def verify_chain(source: Source, first: int, last: int, progress: Progress = ignore) -> Anchor:
    """Recompute the chain over these positions, both included, with the blobs they name; return the last one's anchor.

    The hash before the first is taken as it stands. `progress` is told (positions done, of all). Raises `LogAltered`.
    """
    reached = Anchor(first - 1, await hash_at(source, first - 1))
    while reached.position < last:
        high = min(reached.position + RANGE, last)
        digest = await verify_range(source, reached, high)
        await verify_blobs(source, reached.position, high)
        reached = Anchor(high, digest)
        progress(high - first + 1, last - first + 1)
    return reached


async def hash_at(source: Source, position: int) -> bytes:
    """Return the hash at a position; that of 0 is where every log begins. Raises `LogAltered` where it is missing."""
    found: bytes | None = GENESIS if position == 0 else await source.fetchval(PROOFS["hash_at"], position)
    if found is None:
        raise LogAltered("missing", position, f"Position {position} is missing")
    return found


async def verify_range(source: Source, after: Anchor, high: int) -> bytes:
    """Recompute what follows an anchor, up to a position, in one query; return the hash there. Raises `LogAltered`."""
    row = await source.fetchrow(PROOFS["check_range"], after.position, high, after.hash, timeout=DEADLINE)
    assert row is not None  # noqa: S101 (an aggregate)
    absent = after.position + row["rows"] + 1
    missing = row["missing"] or (absent if absent <= high else None)
    altered = row["altered"]
    if missing is not None and (altered is None or missing <= altered):
        raise LogAltered("missing", missing, f"Position {missing} is missing: its row was removed")
    if altered is not None:
        raise await _explain(source, altered)
    digest: bytes = row["hash"]
    return digest


async def verify_blobs(source: Source, low: int, high: int) -> None:
    """Hash again the blobs that the events in (low, high] name. Raises `LogAltered`."""
    row = await source.fetchrow(PROOFS["broken_blob"], low, high, timeout=DEADLINE)
    if row is not None:
        what = f"Position {row['position']} names blob {row['sha256']}, which is {row['problem']}"
        raise LogAltered("blob", row["position"], what)


async def _explain(source: Source, position: int) -> LogAltered:
    """Tell a row that was moved here from one that was altered."""
    origin = await source.fetchval(PROOFS["origin"], position, _NEAR, timeout=DEADLINE)
    if origin is not None:
        return LogAltered("order", position, f"Position {position} holds what was written at position {origin}")
    return LogAltered(
        "altered",
        position,
        f"Position {position} does not follow from position {position - 1}: its row was altered, or is not the one "
        "that was appended",
    )


def verify_head(bounds: Bounds, reached: Anchor) -> None:
    """Compare the head with the last row. Raises `LogAltered`."""
    head = bounds.head
    if bounds.first is not None and bounds.first < 1:
        raise LogAltered("order", bounds.first, f"There is a row at position {bounds.first}; a log begins at 1")
    if (bounds.last or 0) > head.position:
        extra = head.position + 1
        raise LogAltered("head", extra, f"The head is at {head.position}, but there are rows up to {bounds.last}")
    if reached.position == head.position and reached.hash != head.hash:
        raise LogAltered("head", head.position, f"The head's hash is not that of the row at position {head.position}")


async def verify_anchor(source: Source, expected: Anchor, head: int) -> None:
    """Compare the log with an anchor kept elsewhere. Raises `LogAltered`."""
    if expected.position > head:
        what = f"The log ends at {head}, but it once reached {expected.position}: its tail was cut off"
        raise LogAltered("missing", head + 1, what, last=expected.position)
    if await hash_at(source, expected.position) != expected.hash:
        what = (
            f"The hash at position {expected.position} is not the expected one: the log up to there was rewritten, or "
            "this is another log"
        )
        raise LogAltered("anchor", expected.position, what)
