"""`?as_of=`: a project as it was at a position of the log, or at a moment.

The events up to there are folded anew; the tables, which show now, are not asked. Its first event says whose it is.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import MINYEAR, UTC, datetime
from typing import Final
from uuid import UUID

from baton_contracts.commands import Refused
from baton_contracts.history import Past, recall
from baton_eventlog.reader import load_until
from baton_gateway.reading import Pool

LAST_POSITION: Final = 10**18 - 1
NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)
_EVER: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_DEADLINE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in the past: all events at or before both of these."""

    position: int = LAST_POSITION
    time: datetime = _NEVER


def moment_of(wanted: object) -> Moment:
    """Return what `as_of` asks for. Raises `ValueError`."""
    text = str(wanted)
    if NUMBER.fullmatch(text):
        return Moment(position=int(text))
    try:
        time = datetime.fromisoformat(text.replace(" ", "+"))  # a plus in a query is read as a space
    except ValueError as error:
        raise ValueError("it must be a position of the log, or a time such as 2026-11-24T09:30:00Z") from error
    return Moment(time=_in_utc(time if time.tzinfo else time.replace(tzinfo=UTC)))


def _in_utc(time: datetime) -> datetime:
    """Return a time in UTC; the first or last that there is for one whose offset leads out of the calendar."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return _NEVER if time.year > MINYEAR else _EVER


async def past_of(pool: Pool, project_id: UUID, moment: Moment, tenant: str | None) -> Past:
    """Return a tenant's project (None: anybody's) as it was. Raises `Refused` (404) where it did not exist yet."""
    async with asyncio.timeout(_DEADLINE):
        events = await load_until(pool, project_id, moment.position, moment.time, tenant)
    past = recall(events)
    if past is None:
        raise Refused(404, "Unknown project", f"There was no project {project_id} at that moment.")
    return past
