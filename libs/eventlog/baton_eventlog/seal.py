"""Seals: an HMAC over each range of the log, with a key that the database never sees.

Whoever can write to the database can alter a row and recompute every later hash; without the key they cannot make
the seals fit. A seal covers (low, high], the hash at `high`, which stands for all before it, and the seal before.
One sealer leads; it remembers the last seal itself and seals nothing further when the log no longer agrees with it.
What was appended within the last second may not be sealed yet. A seal of another key counts as a wrong one.
"""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import asyncpg
import structlog

from baton_eventlog.leader import LeadershipLost
from baton_eventlog.proof import GENESIS, PROOFS, RANGE, LogAltered, Source
from baton_eventlog.reader import wait_until
from baton_eventlog.signal import LogSignal

log = structlog.get_logger("baton.seal")
_PACE: Final = 1.0
_CEILING: Final = 1.0
_GRIEF: Final = 60.0
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal over (low, high], and the hash at `high` that it covers."""

    low: int
    high: int
    digest: bytes
    hash: bytes


NO_SEAL: Final = Seal(0, 0, b"", GENESIS)


def compute_digest(key: bytes, low: int, high: int, digest: bytes, previous: bytes) -> bytes:
    """Return the HMAC-SHA256 over a range, the hash at its end, and the seal before (empty for the first)."""
    said = f"baton-log-seal:{low}:{high}:{digest.hex()}:{previous.hex()}"
    return hmac.digest(key, said.encode(), hashlib.sha256)


async def seal(pool: asyncpg.Pool, signal: LogSignal, key: bytes) -> None:
    """Seal what is appended, at most once a second, for ever; to be run by one leader of all.

    Raises `LeadershipLost` when another seals. Where the log was altered it says so every minute and seals nothing.
    """
    try:
        await _follow(pool, signal, key)
    except LogAltered as error:
        log.error("log_altered", position=error.position, reason=str(error))  # noqa: TRY400 (no traceback: not ours)
        await asyncio.sleep(_GRIEF)
    except asyncpg.ReadOnlySQLTransactionError as error:
        raise LeadershipLost("PostgreSQL takes no writes; nothing is sealed until it does") from error


async def _follow(pool: asyncpg.Pool, signal: LogSignal, key: bytes) -> None:
    last = await _last(pool, key)
    with signal.listening() as grown:
        while True:
            grown.clear()
            made = await seal_next(pool, key, last)
            if made:
                last = made
                await asyncio.sleep(0 if made.high - made.low == RANGE else _PACE)
            else:
                await wait_until(grown, _CEILING)


async def _last(pool: asyncpg.Pool, key: bytes) -> Seal:
    row = await pool.fetchrow(PROOFS["last_seal"])
    return _proved(key, row) if row else NO_SEAL


async def seal_next(pool: asyncpg.Pool, key: bytes, last: Seal, limit: int = RANGE) -> Seal | None:
    """Seal what follows a seal, so many positions at most; None where nothing does.

    Raises `LogAltered` where the hash under the last seal has changed, `LeadershipLost` where another has sealed.
    """
    row = await pool.fetchrow(PROOFS["to_seal"], last.high, limit)
    if row is None:
        return None
    if (row["anchor"] or GENESIS) != last.hash:
        raise _rewritten(last.low, last.high)
    digest = compute_digest(key, last.high, row["position"], row["hash"], last.digest)
    if await pool.fetchval(PROOFS["add_seal"], last.high, row["position"], digest) is None:
        raise LeadershipLost(f"Another sealer has sealed what follows position {last.high}")
    return Seal(last.high, row["position"], digest, row["hash"])


async def verify_seals(source: Source, key: bytes, first: int, last: int) -> int:
    """Check the seals that touch these positions; return the position up to which the log is sealed.

    Raises `LogAltered` for the first that does not fit, and for a gap between seals.
    """
    low = await source.fetchval(PROOFS["seal_over"], first)
    if low is None:
        following = await source.fetchval(PROOFS["seal_after"], first)
        if following is not None:
            raise _unsealed(first - 1, following)
        return first - 1
    reached: int = low
    async for row in _seals(source, low):
        if row["low"] != reached:
            raise _unsealed(reached, row["low"])
        if row["hash"] is None:
            raise _cut_off(max(row["low"], last), row["high"])
        if row["low"] >= last:
            break
        reached = _proved(key, row).high
    return reached


async def _seals(source: Source, low: int) -> AsyncIterator[asyncpg.Record]:
    while rows := await source.fetch(PROOFS["seals"], low, _PAGE):
        for row in rows:
            yield row
        low = rows[-1]["low"] + 1


def _proved(key: bytes, row: asyncpg.Record) -> Seal:
    """Return a row as a seal. Raises `LogAltered` where it does not fit the log."""
    low, high = row["low"], row["high"]
    if row["hash"] is None:
        raise _cut_off(low, high)
    digest = compute_digest(key, low, high, row["hash"], row["previous"] or b"")
    if not hmac.compare_digest(digest, row["digest"]):
        raise _rewritten(low, high)
    return Seal(low, high, digest, row["hash"])


def _rewritten(low: int, high: int) -> LogAltered:
    what = (
        f"The seal over positions {low + 1} to {high} does not fit: something there was altered and every later hash "
        "recomputed (or the seal was altered, or made with another BATON_LOG_KEY)"
    )
    return LogAltered("rewritten", low + 1, what, last=high)


def _cut_off(reached: int, high: int) -> LogAltered:
    what = f"The log was sealed up to {high}, but there is no row there: what follows position {reached} was cut off"
    return LogAltered("missing", reached + 1, what, last=high)


def _unsealed(low: int, high: int) -> LogAltered:
    return LogAltered("seal", low + 1, f"The seals over positions {low + 1} to {high} were removed", last=high)
