"""Deadlines: one hitl service of all answers what is due, by the database's clock.

Each timer becomes one command whose id follows from the timer's, so however often it is found due, it fires once.
"""

import asyncio
from typing import Final
from uuid import UUID

import structlog

from baton_contracts.commands import Expire
from baton_contracts.ids import derive_id
from baton_eventlog.database import UNAVAILABLE
from baton_eventlog.sql import QUERIES
from baton_runtime.host import Host
from baton_runtime.loop import Loop
from baton_runtime.messages import Inbound

log = structlog.get_logger("baton.timers")
_PERIOD: Final = 1.0
_LIMIT: Final = 500


async def fire_timers(host: Host, loop: Loop) -> None:
    """Have every request answered whose deadline has passed, until cancelled."""
    while True:
        try:
            for row in await host.pool.fetch(QUERIES["due_timers"], _LIMIT):
                loop.put(expiry(row["project_id"], row["id"]))
        except UNAVAILABLE as error:
            log.warning("timers_wait_for_postgresql", error=type(error).__name__)
        await asyncio.sleep(_PERIOD)


def expiry(project_id: UUID, request_id: UUID) -> Inbound:
    """Return the command that a due timer amounts to."""
    message_id = derive_id(request_id, "expired")
    return Inbound(id=message_id, project_id=project_id, what=Expire(project_id=project_id, request_id=request_id))
