"""The append function against a real PostgreSQL."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from baton_eventlog.append import MAX_PAYLOAD, DataRefused, NewEvent, arguments
from baton_eventlog.sql import QUERIES
from support.logs import Log, command, message, open_log


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    async with open_log(database) as opened:
        yield opened


async def positions(log: Log) -> list[int]:
    return [row["position"] for row in await log.pool.fetch("SELECT position FROM event_log ORDER BY position")]


async def test_one_batch_holds_ok_duplicate_and_conflict(log: Log) -> None:
    """One command never fails its neighbours."""
    first, second, third, repeated = uuid4(), uuid4(), uuid4(), uuid4()
    await log.append(command(first, message_id=repeated, request_hash="h", reply='{"result": 1}'))
    ok, duplicate, conflict = await log.append(
        command(second, message(), message(), expected=0),
        command(first, message_id=repeated, request_hash="other"),
        command(third, expected=7),
    )
    assert (ok.kind, ok.position, ok.version) == ("ok", 3, 2)
    assert (duplicate.kind, duplicate.position, duplicate.version) == ("duplicate", 1, 1)
    assert (duplicate.reply, duplicate.request_hash) == ('{"result": 1}', "h")
    assert conflict.kind == "conflict"
    assert await positions(log) == [1, 2, 3]


async def test_a_repeat_gets_the_first_answer_and_writes_nothing(log: Log) -> None:
    project, message_id = uuid4(), uuid4()
    for _ in range(3):
        (outcome,) = await log.append(command(project, message_id=message_id, reply='{"n": 1}'))
    assert (outcome.kind, outcome.position, outcome.reply) == ("duplicate", 1, '{"n": 1}')
    assert await positions(log) == [1]


async def test_two_consumers_may_settle_one_message(log: Log) -> None:
    project, message_id = uuid4(), uuid4()
    one = command(project, message_id=message_id)
    other = command(project, message_id=message_id)
    object.__setattr__(other, "consumer", "another")
    assert [outcome.kind for outcome in await log.append(one, other)] == ["ok", "ok"]


async def test_expected_version_is_enforced(log: Log) -> None:
    """Any, no stream, and an exact version are each held to."""
    project = uuid4()
    kinds = [
        (await log.append(command(project, expected=expected)))[0].kind for expected in (1, 0, 0, 1, 1, None, 3, 2)
    ]
    assert kinds == ["conflict", "ok", "conflict", "ok", "conflict", "ok", "ok", "conflict"]


async def test_versions_follow_within_a_batch(log: Log) -> None:
    """A command may build on one before it in the same batch."""
    project = uuid4()
    outcomes = await log.append(*(command(project, message(), message(), expected=2 * n) for n in range(5)))
    assert [outcome.version for outcome in outcomes] == [2, 4, 6, 8, 10]


async def test_after_a_refused_command_its_stream_conflicts(log: Log) -> None:
    """What was decided on a state that never was is not written, in this stream alone."""
    project, other = uuid4(), uuid4()
    kinds = [
        outcome.kind
        for outcome in await log.append(
            command(project, expected=3), command(project, expected=0), command(project), command(other, expected=0)
        )
    ]
    assert kinds == ["conflict", "conflict", "conflict", "ok"]


async def test_a_conflict_writes_no_inbox_row(log: Log) -> None:
    project, message_id = uuid4(), uuid4()
    (conflict,) = await log.append(command(project, expected=3, message_id=message_id))
    (retried,) = await log.append(command(project, expected=0, message_id=message_id))
    assert (conflict.kind, retried.kind) == ("conflict", "ok")


async def test_a_command_without_events_is_remembered(log: Log) -> None:
    """Refusals are answers too."""
    project, message_id = uuid4(), uuid4()
    refusal = command(project, message_id=message_id, reply='{"no": 1}')
    object.__setattr__(refusal, "events", [])
    await log.append(refusal)
    (again,) = await log.append(refusal)
    assert (again.kind, again.reply) == ("duplicate", '{"no": 1}')
    assert await positions(log) == []


async def test_positions_are_dense_under_concurrent_appenders(database: str) -> None:
    """Several processes' appenders leave no gap, and every stream's versions are dense."""
    async with open_log(database) as one, open_log(database) as two, open_log(database) as three:
        projects = [uuid4() for _ in range(5)]

        async def write(log: Log) -> None:
            for n in range(40):
                await log.append(command(projects[n % 5], message(), message()), command(uuid4(), expected=0))

        await asyncio.gather(*map(write, (one, two, three)))
        assert await positions(one) == list(range(1, 361))
        gaps = "SELECT FROM event_log GROUP BY project_id HAVING min(version) <> 1 OR max(version) <> count(*)"
        assert await one.pool.fetch(gaps) == []


async def test_timestamps_never_run_backwards_along_positions(log: Log) -> None:
    await asyncio.gather(*(log.append(command(uuid4())) for _ in range(50)))
    backwards = """SELECT FROM (SELECT "timestamp" - lag("timestamp") OVER (ORDER BY position) AS step FROM event_log) s
                    WHERE step < interval '0'"""
    assert await log.pool.fetch(backwards) == []


async def test_a_rolled_back_batch_leaves_no_gap(log: Log) -> None:
    """An append whose transaction is rolled back takes its positions with it."""
    await log.append(command(uuid4()))
    async with log.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        (row,) = await connection.fetch(QUERIES["append"], *arguments([command(uuid4(), message(), message())]))
        assert row["position"] == [3]
        await transaction.rollback()
    await log.append(command(uuid4()))
    assert await positions(log) == [1, 2]


async def test_data_that_postgresql_refuses_is_refused_alone(log: Log) -> None:
    """The batch is split until the culprit stands alone."""
    poison = command(uuid4(), message("a\x00b"))
    outcomes = await log.appender.append([*(command(uuid4()) for _ in range(4)), poison, command(uuid4())])
    assert [isinstance(outcome, DataRefused) for outcome in outcomes] == [False] * 4 + [True, False]
    assert await positions(log) == [1, 2, 3, 4, 5]


async def test_a_payload_over_the_limit_is_kept_beside_the_log(log: Log) -> None:
    """Up to what one message of the bus carries; the batch's limit counts what is left in the events."""
    appends = [command(uuid4(), message(mark * (257 << 10))) for mark in "abcdefgh"]
    assert sum(append.size for append in appends) < MAX_PAYLOAD
    assert [outcome.kind for outcome in await log.append(*appends)] == ["ok"] * 8
    assert await log.pool.fetchval("SELECT max(octet_length(payload::text)) FROM event_log") < 1000
    with pytest.raises(DataRefused, match="over 15 MiB"):
        NewEvent.of(message("x" * (16 << 20)))


async def test_an_appender_waits_for_postgresql_and_writes_once(log: Log) -> None:
    """A session that is killed in the middle costs time, never an event."""
    for n in range(10):
        writing = asyncio.create_task(log.append(command(uuid4(), message_id=uuid4())))
        await asyncio.sleep(0.001 * n)
        await log.pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'baton-appender' AND datname = current_database()"
        )
        assert (await asyncio.wait_for(writing, 10))[0].kind in ("ok", "duplicate")
    assert await positions(log) == list(range(1, 11))


@pytest.mark.parametrize(
    "statement", ["UPDATE event_log SET actor = 'x'", "DELETE FROM event_log", "TRUNCATE event_log"]
)
async def test_the_log_is_append_only(log: Log, statement: str) -> None:
    """Not even the superuser in replica mode changes it by accident."""
    await log.append(command(uuid4()))
    async with log.pool.acquire() as connection:
        await connection.execute("SET session_replication_role = replica")
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await connection.execute(statement)
        await connection.execute("RESET session_replication_role")


async def test_the_hash_chain_covers_every_column(log: Log) -> None:
    """Each hash follows from the one before and the row, however the rows came to be appended."""
    project = uuid4()
    await log.append(command(project, message(), message()), command(uuid4()))
    await log.append(command(project))
    broken = """
        SELECT FROM (SELECT *, lag(hash, 1, '\\x00'::bytea) OVER (ORDER BY position) AS before FROM event_log) l
         WHERE hash <> sha256(before || convert_to(log_body(position, version, id, project_id,
               event_type, "timestamp", actor, causation_id, correlation_id, schema_version, payload), 'UTF8'))"""
    assert await log.pool.fetch(broken) == []
    assert await log.pool.fetchval("SELECT hash FROM event_log ORDER BY position DESC") == await log.pool.fetchval(
        "SELECT hash FROM log_head"
    )


async def test_an_appender_outlives_a_read_only_server(log: Log, database: str) -> None:
    """A demoted primary takes no writes: the append waits, and goes through when it can."""
    name = database.rsplit("/", 1)[1]
    await log.append(command(uuid4()))
    await log.pool.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await log.pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'baton-appender'"
    )
    writing = asyncio.create_task(log.append(command(uuid4())))
    await asyncio.sleep(0.5)
    assert not writing.done()
    await log.pool.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    assert (await asyncio.wait_for(writing, 10))[0].kind == "ok"


async def test_what_a_hash_covers_can_be_computed_without_postgresql(log: Log) -> None:
    """From a row's columns alone: an auditor needs no function of ours."""
    await log.append(command(uuid4(), message('ümläut \\ "quoted"'), causation_id=uuid4()), command(uuid4()))
    before = b"\x00"
    for row in await log.pool.fetch(
        """SELECT *, payload::text AS text, extract(epoch FROM "timestamp")::text AS epoch
             FROM event_log ORDER BY position"""
    ):
        parts = [
            row["position"],
            row["version"],
            row["id"],
            row["project_id"],
            row["epoch"],
            row["causation_id"] or "",
            row["correlation_id"] or "",
            row["schema_version"],
            len(row["event_type"]),
            len(row["actor"]),
            row["event_type"] + row["actor"] + row["text"],
        ]
        before = hashlib.sha256(before + " ".join(map(str, parts)).encode()).digest()
        assert row["hash"] == before


async def test_a_broken_stream_stays_broken_over_several_calls(log: Log) -> None:
    """However many calls one list of commands takes, what was decided on a state that never was is not written."""
    project = uuid4()
    await log.append(command(project))
    filler = command(uuid4(), *(message() for _ in range(100)))
    outcomes = await log.append(command(project, expected=0), filler, command(project, expected=1))
    assert [outcome.kind for outcome in outcomes] == ["conflict", "ok", "conflict"]


async def test_what_follows_refused_data_in_its_stream_is_a_conflict(log: Log) -> None:
    project = uuid4()
    outcomes = await log.appender.append(
        [command(project, message("a\x00b"), expected=0), command(project, expected=0), command(uuid4())]
    )
    assert isinstance(outcomes[0], DataRefused)
    assert [outcome.kind for outcome in outcomes[1:] if not isinstance(outcome, DataRefused)] == ["conflict", "ok"]
