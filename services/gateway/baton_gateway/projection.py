"""The projector: one gateway of all folds the log into the tables that everybody reads.

The tables and the checkpoint move in one statement. The checkpoint moves by compare-and-set, first, so that of two
who believe they lead only one can write. No event passes through Python.
"""

from typing import Final

import asyncpg

from baton_eventlog.leader import LeadershipLost
from baton_eventlog.reader import wait_until
from baton_eventlog.sql import QUERIES
from baton_gateway.freshness import Freshness
from baton_gateway.reading import PROJECTOR, READS, fetch_row, fetch_value
from baton_runtime.host import Host

_LIMIT: Final = 1000
_CEILING: Final = 0.5


async def project(host: Host, freshness: Freshness) -> None:
    """Keep the tables up to date, for ever. Raises `LeadershipLost`, or one of `UNAVAILABLE`."""
    reached: int = await fetch_value(host.pool, QUERIES["checkpoint"], PROJECTOR)
    freshness.note(reached)
    with host.signal.listening() as grown, freshness.leading():
        while True:
            grown.clear()
            after = await _turn(host, reached)
            if after > reached:
                reached = after
                freshness.note(reached)
            else:
                await wait_until(grown, _CEILING)


async def _turn(host: Host, reached: int) -> int:
    """Project what follows, 1,000 positions at most; return the position that the tables show now."""
    try:
        moved = await fetch_row(host.pool, READS["project"], reached, _LIMIT)
    except asyncpg.ReadOnlySQLTransactionError as error:  # a standby, or fenced off: what is there can be read on
        raise LeadershipLost("PostgreSQL takes no writes; the tables stand still until it does") from error
    if moved:
        return int(moved["position"])
    found = await fetch_value(host.pool, QUERIES["checkpoint"], PROJECTOR)
    if found != reached:
        raise LeadershipLost(f"The projector's checkpoint is {found}, not {reached}: another gateway moved it")
    return reached
