"""Whatever somebody with all rights does to the log past its triggers is found, at the right position."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baton_eventlog import proof
from baton_eventlog.leader import LeadershipLost
from baton_eventlog.proof import Anchor, LogAltered, read_bounds
from baton_eventlog.seal import NO_SEAL, Seal, seal, seal_next
from baton_eventlog.verification import OutOfRange, Verdict, verify
from support.logs import Log, command, message, open_log
from support.tampering import REWRITE, SWAP, alter, rewrite, tamper, truncate
from support.waiting import eventually

KEY = b"a key that the database never sees"
LENGTH = 30


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    """Give a log of 30 events in 15 projects."""
    async with open_log(database) as opened:
        await opened.append(*(command(uuid4(), message(), message()) for _ in range(LENGTH // 2)))
        yield opened


async def found(log: Log, **options: object) -> tuple[str, int]:
    """Verify, expecting a finding; return its kind and position."""
    with pytest.raises(LogAltered) as raised:
        await verify(log.pool, **options)  # type: ignore[arg-type]
    return raised.value.kind, raised.value.position


async def seal_all(log: Log, stride: int = 10) -> None:
    """Seal the whole log, so many positions a seal."""
    last: Seal | None = NO_SEAL
    while last:
        last = await seal_next(log.pool, KEY, last, stride)


async def test_a_log_as_it_was_appended_is_sound(log: Log) -> None:
    """Whole and by range, whatever the size of a batch was, and while it grows."""
    bounds = await read_bounds(log.pool)
    assert await verify(log.pool) == Verdict(1, bounds.head, None)
    assert (await verify(log.pool, first=7, last=19)).reached.position == 19
    async with asyncio.TaskGroup() as tasks:
        growing = tasks.create_task(log.append(*(command(uuid4()) for _ in range(300))))
        while not growing.done():
            await verify(log.pool, expected=bounds.head)
    assert (await verify(log.pool)).reached.position == LENGTH + 300


async def test_an_empty_log_is_sound(database: str) -> None:
    async with open_log(database) as empty:
        assert (await verify(empty.pool, key=KEY)).reached == Anchor(0, proof.GENESIS)


async def test_one_altered_byte_of_a_payload_is_found(log: Log) -> None:
    await alter(log, 17)
    assert await found(log) == ("altered", 17)


@pytest.mark.parametrize(
    "change",
    [
        "version = version + 7",
        "id = gen_random_uuid()",
        "project_id = gen_random_uuid()",
        "event_type = 'task_start'",
        '"timestamp" = "timestamp" - interval \'1 microsecond\'',
        "actor = 'somebody else'",
        "causation_id = gen_random_uuid()",
        "correlation_id = gen_random_uuid()",
        "schema_version = 2",
        "hash = set_byte(hash, 31, get_byte(hash, 31) # 1)",
    ],
)
async def test_every_column_is_covered(log: Log, change: str) -> None:
    await tamper(log, f"UPDATE event_log SET {change} WHERE position = 5")  # noqa: S608 - ours
    assert await found(log) == ("altered", 5)


@pytest.mark.parametrize("position", [1, 12, LENGTH])
async def test_a_dropped_row_is_found(log: Log, position: int) -> None:
    """The first, one in the middle, and the last while the head says that it was there."""
    await tamper(log, "DELETE FROM event_log WHERE position = $1", position)
    assert await found(log) == ("missing", position)


async def test_a_dropped_row_is_found_also_when_the_rest_moves_up(log: Log) -> None:
    await tamper(
        log,
        "DELETE FROM event_log WHERE position = $1;"
        " UPDATE event_log SET position = -position WHERE position > $1;"
        " UPDATE event_log SET position = -position - 1 WHERE position < 0;"
        " UPDATE log_head SET position = position - 1",
        9,
    )
    assert await found(log) == ("altered", 9)


@pytest.mark.parametrize(("one", "other"), [(4, 21), (4, 5), (1, 2), (1, LENGTH)])
async def test_two_swapped_rows_are_found(log: Log, one: int, other: int) -> None:
    """Neighbours as well as rows far apart."""
    await tamper(log, SWAP, one, other)
    assert await found(log) == ("order", one)


async def test_an_inserted_row_is_found(log: Log) -> None:
    """In the middle, the rest moved down."""
    await tamper(
        log,
        "UPDATE event_log SET position = -position WHERE position >= $1;"
        " UPDATE event_log SET position = -position + 1 WHERE position < 0;"
        " INSERT INTO event_log SELECT gen_random_uuid(), gen_random_uuid(), NULL, NULL, now(), $1, 1, 1,"
        " 'agent_message', 'nobody', '{}', sha256('x'); UPDATE log_head SET position = position + 1",
        8,
    )
    assert await found(log) == ("altered", 8)


@pytest.mark.parametrize("position", [LENGTH + 1, LENGTH + 9])
async def test_a_row_behind_the_head_is_found(log: Log, position: int) -> None:
    await tamper(
        log,
        "INSERT INTO event_log SELECT gen_random_uuid(), gen_random_uuid(), NULL, NULL, now(), $1, 1, 1,"
        " 'agent_message', 'nobody', '{}', sha256('x')",
        position,
    )
    assert await found(log) == ("head", LENGTH + 1)


async def test_a_row_before_the_first_is_found(log: Log) -> None:
    await tamper(
        log,
        "INSERT INTO event_log SELECT gen_random_uuid(), gen_random_uuid(), NULL, NULL, now(), -3, 1, 1,"
        " 'agent_message', 'nobody', '{}', sha256('x')",
    )
    assert await found(log) == ("order", -3)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("UPDATE log_head SET hash = sha256('x')", ("head", LENGTH)),
        ("UPDATE log_head SET position = position + 1", ("missing", LENGTH + 1)),
        ("UPDATE log_head SET position = position - 1", ("head", LENGTH)),
        ("DELETE FROM log_head", ("head", 0)),
    ],
)
async def test_a_head_that_is_not_the_last_row_is_found(log: Log, change: str, finding: tuple[str, int]) -> None:
    await tamper(log, change)
    assert await found(log) == finding


async def test_a_tail_that_was_cut_off_is_found_against_an_anchor(log: Log) -> None:
    """The chain alone cannot show it: what is left is a sound log."""
    anchor = (await read_bounds(log.pool)).head
    await truncate(log, 20)
    assert (await verify(log.pool)).reached.position == 20
    assert await found(log, expected=Anchor.parse(str(anchor))) == ("missing", 21)
    await log.append(*(command(uuid4()) for _ in range(20)))
    assert await found(log, expected=anchor) == ("anchor", LENGTH)


@pytest.mark.parametrize("kept", [20, 23])
async def test_a_tail_that_was_cut_off_is_found_by_its_seals(log: Log, kept: int) -> None:
    """Also where it was cut between two seals."""
    await seal_all(log)
    await truncate(log, kept)
    assert await found(log, key=KEY) == ("missing", kept + 1)


async def test_a_rewritten_chain_is_found_by_its_seal(log: Log) -> None:
    """Whoever alters a row and recomputes every later hash cannot make the seal fit."""
    await seal_all(log)
    assert (await verify(log.pool, key=KEY)).sealed == LENGTH
    await rewrite(log, 17)
    assert (await verify(log.pool)).reached.position == LENGTH
    with pytest.raises(LogAltered, match="positions 11 to 20") as raised:
        await verify(log.pool, key=KEY)
    assert (raised.value.kind, raised.value.position, raised.value.last) == ("rewritten", 11, 20)


async def test_a_range_is_checked_against_the_seals_that_touch_it(log: Log) -> None:
    """And not against others."""
    await seal_all(log)
    await rewrite(log, 25)
    assert (await verify(log.pool, first=5, last=18, key=KEY)).sealed == 20
    assert await found(log, first=15, last=22, key=KEY) == ("rewritten", 21)


@pytest.mark.parametrize(("low", "finding"), [(0, ("seal", 1)), (10, ("seal", 11))])
async def test_a_removed_seal_is_found(log: Log, low: int, finding: tuple[str, int]) -> None:
    await seal_all(log)
    await tamper(log, "DELETE FROM log_seals WHERE low = $1", low)
    assert await found(log, key=KEY) == finding
    assert await found(log, first=low + 5, key=KEY) == ("seal", low + 5)


async def test_a_seal_of_another_key_does_not_fit(log: Log) -> None:
    await seal_all(log)
    assert await found(log, key=b"another") == ("rewritten", 1)


async def test_the_sealer_seals_what_is_appended_and_goes_on_where_it_was(log: Log) -> None:
    async def sealed() -> bool:
        head = (await read_bounds(log.pool)).head.position
        return (await verify(log.pool, key=KEY)).sealed == head

    for _ in range(2):
        sealing = asyncio.create_task(seal(log.pool, log.signal, KEY))
        await eventually(sealed)
        await log.append(command(uuid4()))
        await eventually(sealed)
        sealing.cancel()
        await asyncio.gather(sealing, return_exceptions=True)
        await log.append(command(uuid4()))
    assert await log.pool.fetchval("SELECT count(*) FROM log_seals") == 4


async def test_the_sealer_does_not_seal_over_what_was_rewritten(log: Log) -> None:
    """Neither one that remembers, nor one that has just started."""
    last = await seal_next(log.pool, KEY, NO_SEAL)
    assert last is not None
    await rewrite(log, 3)
    await log.append(command(uuid4()))
    with pytest.raises(LogAltered, match="positions 1 to 30"):
        await seal_next(log.pool, KEY, last)
    sealing = asyncio.create_task(seal(log.pool, log.signal, KEY))
    await asyncio.sleep(0.5)
    assert not sealing.done()
    sealing.cancel()
    assert await log.pool.fetchval("SELECT max(high) FROM log_seals") == LENGTH


async def test_of_two_sealers_one_gives_up(log: Log) -> None:
    """A frozen leader that wakes up writes nothing."""
    start = NO_SEAL
    await seal_next(log.pool, KEY, start)
    with pytest.raises(LeadershipLost):
        await seal_next(log.pool, KEY, start)


async def test_positions_that_the_log_does_not_have_are_refused(log: Log) -> None:
    for first, last in ((0, 5), (1, LENGTH + 1), (9, 7)):
        with pytest.raises(OutOfRange, match="positions 1 to 30"):
            await verify(log.pool, first=first, last=last)


async def test_progress_is_told_range_by_range(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is wrong is found wherever it lies in its range."""
    monkeypatch.setattr(proof, "RANGE", 7)
    told: list[tuple[int, int]] = []
    await verify(log.pool, progress=lambda done, total: told.append((done, total)))
    assert told == [(7, 30), (14, 30), (21, 30), (28, 30), (30, 30)]
    for position in (7, 8, 14, 30):
        await alter(log, position)
        assert await found(log) == ("altered", position)
        await tamper(log, """UPDATE event_log SET payload = payload || '{"message": "hello"}'""")


def restored(position: int, digest: bytes) -> str:
    return f"UPDATE event_log SET hash = '\\x{digest.hex()}' WHERE position = {position}"  # noqa: S608 - ours


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(1, LENGTH), extent=st.integers(1, 40))
async def test_any_alteration_is_found_in_any_range(log: Log, position: int, extent: int) -> None:
    """A row altered, or altered with its own hash alone recomputed, is found at it or right behind it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proof, "RANGE", extent)
        await alter(log, position)
        assert await found(log) == ("altered", position)
        kept = await log.pool.fetch("SELECT position, hash FROM event_log")
        await tamper(log, REWRITE, position)
        if position < LENGTH:
            restore = [restored(*row) for row in kept if row["position"] > position]
            await tamper(log, "; ".join(restore))
            assert await found(log) == ("altered", position + 1)
        await tamper(log, """UPDATE event_log SET payload = payload || '{"message": "hello"}'""")
        await tamper(log, REWRITE, 1)
        assert (await verify(log.pool)).reached.position == LENGTH
