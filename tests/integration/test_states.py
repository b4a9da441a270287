"""The states that a loop keeps: up to date, bounded, and begun anew when the log is not what it was."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from baton_contracts.project import Project
from baton_runtime.states import States
from support.logs import Log, command, message, open_log
from support.stories import PROJECT, fold
from support.tales import whole_story


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    async with open_log(database) as opened:
        yield opened


async def test_a_kept_state_is_what_folding_everything_gives(log: Log) -> None:
    states, story = States(log.pool), whole_story()
    for n, payload in enumerate(story, start=1):
        await log.append(command(PROJECT, payload))
        assert await states.load([PROJECT]) == {PROJECT: fold(*story[:n])}


async def test_what_was_written_is_kept_without_a_look(log: Log) -> None:
    states, story = States(log.pool), whole_story()
    assert states.add(PROJECT, 0, fold(*story), weight=1) == fold(*story)
    assert states.add(PROJECT, 3, Project(), weight=1) == fold(*story)  # it has moved on


async def test_a_state_ahead_of_the_log_is_begun_anew(log: Log) -> None:
    """After a restore that lost the tail: a conflict, and nothing new is found."""
    states, story = States(log.pool), whole_story()
    await log.append(command(PROJECT, *story))
    await states.load([PROJECT])
    await log.pool.execute("ALTER TABLE event_log DISABLE TRIGGER ALL")
    await log.pool.execute("DELETE FROM event_log WHERE position > 5")
    assert (await states.load([PROJECT]))[PROJECT].version == len(story)
    states.doubt(PROJECT)
    assert await states.load([PROJECT]) == {PROJECT: fold(*story[:5])}


async def test_memory_is_bounded_by_weight(log: Log) -> None:
    """The least recently used go first; what is asked for is always there."""
    projects = [UUID(int=n) for n in range(1, 11)]
    for project in projects:
        await log.append(command(project, message("x" * 1000)))
    states = States(log.pool, capacity=3500)
    for project in projects:
        await states.load([project])
    assert states.known() == projects[-3:]
    huge = uuid4()
    await log.append(command(huge, message("x" * 9000)))
    assert (await states.load([huge]))[huge].version == 1
    assert states.known() == [huge]
