"""`?min_position=N`: an answer from tables that show at least that position of the log, or none.

A write's `Baton-Position` header tells the position; whoever passes it on reads, at any gateway, what was written.
The tables are waited for as long as after a write. When they do not get there (they lag, or the log has no such
position) the answer is 503 with Retry-After: an older state is exactly what was not asked for.
"""

from typing import Final

from baton_gateway.freshness import Freshness
from baton_gateway.problems import Unavailable
from baton_gateway.query import Fresh, Query

SHOWN_WITHIN: Final = 2.0


async def reach_min_position(query: Query, freshness: Freshness) -> None:
    """Wait for what a read asks for. Raises `Unavailable` after 2 s."""
    if not isinstance(query, Fresh) or query.min_position is None:
        return
    if not await freshness.wait(query.min_position, timeout=SHOWN_WITHIN):
        raise Unavailable(
            f"The tables do not show position {query.min_position} of the log yet; try again soon, or without "
            "min_position to read what they show now."
        )
