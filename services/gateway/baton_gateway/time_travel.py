"""`?as_of=`: a project as it was at a position of the log, or at a moment.

The events up to there are folded anew; the tables, which show now, are not asked.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from aiohttp import web

from baton_contracts.commands import Refused
from baton_contracts.history import Past, recall
from baton_eventlog.reader import load_until
from baton_gateway.parameters import LAST_POSITION, NUMBER
from baton_gateway.problems import invalid
from baton_gateway.route import Call

_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_DEADLINE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in the past: all events at or before both of these."""

    position: int = LAST_POSITION
    time: datetime = _NEVER


def moment_of(request: web.Request) -> Moment | None:
    """Return what `as_of` asks for, if it is there. Raises `Invalid`."""
    wanted = request.query.get("as_of")
    if wanted is None:
        return None
    if NUMBER.fullmatch(wanted):
        return Moment(position=int(wanted))
    try:
        time = datetime.fromisoformat(wanted.replace(" ", "+"))  # a plus in a query is read as a space
    except ValueError as error:
        detail = "it must be a position of the log, or a time such as 2026-11-24T09:30:00Z"
        raise invalid("/query/as_of", detail) from error
    return Moment(time=time if time.tzinfo else time.replace(tzinfo=UTC))


async def past_of(call: Call[None], project_id: UUID, moment: Moment) -> Past:
    """Return the project as it was. Raises `Refused` (404) where it did not exist yet."""
    async with asyncio.timeout(_DEADLINE):
        events = await load_until(call.gateway.host.pool, project_id, moment.position, moment.time)
    past = recall(events)
    if past is None:
        raise Refused(404, "Unknown project", f"There was no project {project_id} at that moment.")
    return past
