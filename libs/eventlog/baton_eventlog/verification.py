"""All proofs of the log together: chain, head, seals, anchor, in this order; the first finding ends it."""

from dataclasses import dataclass

from baton_eventlog.proof import (
    Anchor,
    Progress,
    Source,
    ignore,
    read_bounds,
    verify_anchor,
    verify_chain,
    verify_head,
)
from baton_eventlog.seal import verify_seals


class OutOfRange(Exception):
    """The log has no such positions; the message says which it has."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was verified: positions `first` to `reached`, and up to where seals cover it (None: without the key)."""

    first: int
    reached: Anchor
    sealed: int | None


async def verify(
    source: Source,
    *,
    first: int = 1,
    last: int | None = None,
    key: bytes | None = None,
    expected: Anchor | None = None,
    progress: Progress = ignore,
) -> Verdict:
    """Verify these positions (both included; without `last` up to the head), the seals when there is a key.

    An anchor is looked up wherever it lies. Appends may go on meanwhile. Raises `LogAltered`, `OutOfRange`.
    """
    bounds = await read_bounds(source)
    head = bounds.head.position
    end = head if last is None else last
    if not 1 <= first <= end + 1 <= head + 1:
        raise OutOfRange(f"The log has positions 1 to {head}; {first} to {end} is no range of them")
    reached = await verify_chain(source, first, end, progress)
    verify_head(bounds, reached)
    sealed = await verify_seals(source, key, first, end) if key else None
    if expected:
        await verify_anchor(source, expected, head)
    return Verdict(first, reached, sealed)
