"""`?min_position=N`: an answer from tables that show at least that position of the log, or none.

A write's `Baton-Position` header tells the position; whoever passes it on reads, at any gateway, what was written.
The tables are waited for as long as after a write. When they do not get there (they lag, or the log has no such
position) the answer is 503 with Retry-After: an older state is exactly what was not asked for.
"""

import re
from typing import Final

from aiohttp import web

from baton_gateway.commands import SHOWN_WITHIN
from baton_gateway.freshness import Freshness
from baton_gateway.parameters import NUMBER
from baton_gateway.problems import Unavailable, invalid
from baton_gateway.route import Route

_READS: Final = re.compile(r"/api/v1/(projects|hitl|artifacts|agents)(/|$)")


async def reach_min_position(request: web.Request, route: Route, freshness: Freshness) -> None:
    """Wait for what a read asks for. Raises `Invalid` for what is no position, `Unavailable` after 2 s."""
    wanted = request.query.getall("min_position", [])
    if not wanted or route.method != "GET" or not _READS.match(route.path):
        return
    if not all(map(NUMBER.fullmatch, wanted)):
        raise invalid("/query/min_position", "it must be a position of the log: a number of 1 to 18 digits")
    position = max(map(int, wanted))
    if not await freshness.wait(position, timeout=SHOWN_WITHIN):
        raise Unavailable(
            f"The tables do not show position {position} of the log yet; try again soon, or without min_position to "
            "read what they show now."
        )
