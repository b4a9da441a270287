"""Followers and leaders on a real PostgreSQL."""

import asyncio
from time import monotonic
from uuid import uuid4

import pytest

from baton_eventlog.database import connect
from baton_eventlog.leader import LeadershipLost, lead
from baton_eventlog.reader import LogGap, LogRewound, follow, load, read
from support.logs import Log, command, message, open_log
from support.waiting import until

KILL_READERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE application_name = 'test' AND pid <> pg_backend_pid() AND datname = current_database()"""


async def positions(log: Log, after: int, count: int) -> list[int]:
    """Follow until so many events have come."""
    seen: list[int] = []
    async with asyncio.timeout(10):
        async for events in follow(log.pool, log.signal, after, limit=7):
            seen += [event.position for event in events]
            if len(seen) >= count:
                break
    return seen


async def test_a_follower_sees_every_position_once_and_in_order(database: str) -> None:
    """Also what other processes append while it follows, and it catches up and goes live without a seam."""
    async with open_log(database) as here, open_log(database) as there:
        await here.append(*(command(uuid4()) for _ in range(20)))
        following = asyncio.create_task(positions(here, 0, 60))
        for _ in range(20):
            await there.append(command(uuid4()))
            await here.append(command(uuid4()))
        assert await following == list(range(1, 61))


async def test_a_follower_starts_after_any_position(database: str) -> None:
    async with open_log(database) as log:
        await log.append(*(command(uuid4()) for _ in range(9)))
        assert await positions(log, 6, 3) == [7, 8, 9]


async def test_another_process_wakes_a_follower_before_its_ceiling(database: str) -> None:
    """A notification is enough: nobody waits for the next poll."""
    async with open_log(database) as here, open_log(database) as there:
        await asyncio.sleep(0.3)  # both listen now

        async def first() -> float:
            async for _ in follow(here.pool, here.signal, 0, ceiling=30):
                break
            return monotonic()

        waiting = asyncio.create_task(first())
        await asyncio.sleep(0.2)
        appended = monotonic()
        await there.append(command(uuid4()))
        assert await asyncio.wait_for(waiting, 5) - appended < 1


async def test_a_follower_outlives_its_connection(database: str) -> None:
    async with open_log(database) as log, open_log(database) as writer:
        following = asyncio.create_task(positions(log, 0, 30))
        for _ in range(30):
            await writer.append(command(uuid4()))
            await writer.pool.execute(KILL_READERS.replace("'test' AND", "'test' AND state = 'idle' AND"))
        assert await following == list(range(1, 31))


async def test_a_gap_stops_the_follower_and_says_where(database: str) -> None:
    async with open_log(database) as log:
        await log.append(*(command(uuid4()) for _ in range(5)))
        await log.pool.execute("ALTER TABLE event_log DISABLE TRIGGER append_only")
        await log.pool.execute("DELETE FROM event_log WHERE position = 3")
        with pytest.raises(LogGap, match="Position 3"):
            await read(log.pool, 0, 10)


async def test_load_brings_only_what_is_missing(database: str) -> None:
    async with open_log(database) as log:
        one, two = uuid4(), uuid4()
        await log.append(*(command(project) for project in (one, two, one, two, one)))
        events = await load(log.pool, {one: 1, two: 2, uuid4(): 0})
        assert [(event.project_id, event.version) for event in events] == [(one, 2), (one, 3)]


async def test_one_of_many_leads_and_another_takes_over_from_the_killed(database: str) -> None:
    """Within 2 s of the death of the leader's session; never two at a time."""
    leading: list[int] = []

    async def work(number: int) -> None:
        assert leading == []
        leading.append(number)
        try:
            await asyncio.sleep(60)
        finally:
            leading.clear()

    contenders = [asyncio.create_task(lead(database, "test", lambda n=n: work(n))) for n in range(3)]  # type: ignore[misc]
    try:
        await until(lambda: bool(leading))
        killer = await connect(database, name="killer")
        await killer.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        killed = monotonic()
        await until(lambda: not leading)
        await until(lambda: bool(leading))
        assert monotonic() - killed < 2
        await killer.close()
    finally:
        for contender in contenders:
            contender.cancel()
        await asyncio.gather(*contenders, return_exceptions=True)


async def test_a_frozen_leader_loses_the_lock(database: str) -> None:
    """A session that shows no sign of life is ended by PostgreSQL."""
    frozen = await connect(database, name="frozen", idle_session_timeout="1500ms")
    assert await frozen.fetchval("SELECT pg_try_advisory_lock(hashtext('test'))")
    stopped = monotonic()
    led = asyncio.Event()

    async def work() -> None:
        led.set()
        await asyncio.sleep(60)

    contender = asyncio.create_task(lead(database, "test", work))
    await asyncio.wait_for(led.wait(), 5)
    assert monotonic() - stopped < 2.5
    contender.cancel()
    await asyncio.gather(contender, return_exceptions=True)
    frozen.terminate()


async def test_a_fenced_leader_steps_down_and_stands_again(database: str) -> None:
    terms = 0

    async def work() -> None:
        nonlocal terms
        terms += 1
        raise LeadershipLost("moved by another hand")

    contender = asyncio.create_task(lead(database, "test", work))
    await until(lambda: terms >= 2)
    contender.cancel()
    await asyncio.gather(contender, return_exceptions=True)


async def test_a_listener_that_was_killed_listens_again(database: str) -> None:
    """Also in a process that never appends."""
    async with open_log(database) as here, open_log(database) as there:
        await asyncio.sleep(0.3)
        with here.signal.listening() as grown:
            await there.pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'baton-signal'"
            )
            await asyncio.sleep(1.5)
            grown.clear()
            await there.append(command(uuid4()))
            await asyncio.wait_for(grown.wait(), 5)


async def test_a_follower_of_a_log_that_was_restored_is_told(database: str) -> None:
    async with open_log(database) as log:
        await log.append(*(command(uuid4()) for _ in range(3)))
        with pytest.raises(LogRewound, match="position 9"):
            await read(log.pool, 9, 10)
        assert await read(log.pool, 3, 10) == []


async def test_an_event_whose_blob_is_missing_stops_no_follower(database: str) -> None:
    """Nobody can read it, everybody is told of its neighbours."""
    async with open_log(database) as log:
        await log.append(command(uuid4()), command(uuid4(), message("x" * (300 << 10))), command(uuid4()))
        await log.pool.execute("ALTER TABLE log_blobs DISABLE TRIGGER ALL")
        await log.pool.execute("DELETE FROM log_blobs")
        events = await read(log.pool, 0, 10)
        assert [event.position for event in events] == [1, 2, 3]
        assert [event.type for event in events] == ["agent_message", "unknown", "agent_message"]
