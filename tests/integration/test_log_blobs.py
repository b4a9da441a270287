"""Large content goes through append, load, the tables and the loop, with the log as provable as before."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from uuid import UUID, uuid4

import asyncpg
import pytest

from baton_contracts.commands import CreateProject
from baton_contracts.definitions import Workflow
from baton_contracts.events import AgentMessage, DefinitionRegistered, LlmCall, Payload, TaskComplete, TaskCreated
from baton_contracts.handoffs import Json
from baton_contracts.ids import SYSTEM_STREAM
from baton_contracts.project import Project
from baton_eventlog.append import DataRefused
from baton_eventlog.blob_table import fetch_blobs, keep_blobs, named_blobs
from baton_eventlog.blobs import Blob, BlobMissing
from baton_eventlog.reader import load, read
from baton_eventlog.sql import QUERIES
from baton_orchestrator.decide import decide
from baton_orchestrator.steps import Payloads
from baton_runtime.loop import Decision, Loop
from baton_runtime.messages import Inbound
from support.golden import samples
from support.logs import Log, command, message, open_log
from support.stories import PROJECT, WORKFLOW, OneWorkflow, completed, fold, only, origin, started
from support.tampering import lose

MIB = 1 << 20
BROKEN = "SELECT position, sha256, problem FROM broken_blobs($1, $2)"


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    async with open_log(database) as opened:
        yield opened


def large(size: int = MIB, mark: str = "x") -> Json:
    """Return JSON that a model might give, of about this many bytes."""
    return {"files": [{"path": f"{n}.py", "content": mark * (size // 8)} for n in range(8)], "$blob": "mine"}


def story(content: Json) -> Payloads:
    """Return a project up to the first completed task, whose artifact and call hold this content."""
    create = CreateProject(
        project_id=PROJECT, name="N", product_idea="I", tenant="default", workflow_id="two-steps", team_id=None
    )
    begun = decide(Project(), create, origin("create"), OneWorkflow())
    created = only(begun, TaskCreated)
    done = completed(created, gate=False)
    artifact = done.artifact.model_copy(update={"content": content | done.artifact.content})
    call = samples()["llm_call"].model_copy(update={"task_id": done.task_id, "answer": artifact.content})
    return (*begun, started(created), call, done.model_copy(update={"artifact": artifact}))


async def blobs_of(log: Log) -> dict[str, int]:
    rows = await log.pool.fetch("SELECT sha256, octet_length(content) AS size FROM log_blobs")
    return {row["sha256"]: row["size"] for row in rows}


async def chain_is_whole(log: Log) -> bool:
    broken = """
        SELECT FROM (SELECT *, lag(hash, 1, '\\x00'::bytea) OVER (ORDER BY position) AS before FROM event_log) l
         WHERE hash <> sha256(before || convert_to(log_body(position, version, id, project_id,
               event_type, "timestamp", actor, causation_id, correlation_id, schema_version, payload), 'UTF8'))"""
    return not await log.pool.fetch(broken) and not await log.pool.fetch(BROKEN, 0, 1 << 40)


async def test_an_artifact_of_several_mib_goes_through_append_load_and_tables(log: Log) -> None:
    """Model answer and artifact are one blob; what is read is what was written."""
    content = large(5 * MIB)
    payloads = story(content)
    (outcome,) = await log.append(command(PROJECT, *payloads))
    assert list((await blobs_of(log)).values()) == [len(canonical(only(payloads, TaskComplete).artifact.content))]
    assert max(await sizes(log)) < 10_000
    assert tuple(event.payload for event in await load(log.pool, {PROJECT: 0})) == payloads
    assert tuple(event.payload for event in await read(log.pool, 0, 100)) == payloads
    await log.pool.execute("SELECT project_range(0, $1)", outcome.position)
    shown = await log.pool.fetchval("SELECT content FROM context_artifacts")
    assert json.loads(shown) == only(payloads, TaskComplete).artifact.content
    assert await chain_is_whole(log)


def canonical(content: Json) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


async def sizes(log: Log) -> list[int]:
    return [row[0] for row in await log.pool.fetch("SELECT octet_length(payload::text) FROM event_log")]


async def test_tables_are_the_same_in_any_ranges_and_where_texts_are_blobs(log: Log) -> None:
    reason = "because " * 50_000
    payloads = story(large())
    failed = samples()["project_failed"].model_copy(update={"reason": reason})
    await log.append(command(PROJECT, *payloads, failed))
    for low in range(len(payloads) + 1):
        await log.pool.execute("SELECT project_range($1, $2)", low, low + 1)
    assert await log.pool.fetchval("SELECT reason FROM projects") == reason
    assert json.loads(await log.pool.fetchval("SELECT content FROM context_artifacts"))["$blob"] == "mine"


async def test_sql_and_python_put_blobs_in_the_same_places(log: Log) -> None:
    """In objects and in arrays, texts and free JSON."""
    dispatched = samples()["task_dispatched"]
    many = dispatched.model_copy(update={"feedback": ("a" * MIB, "short", "b" * MIB), "reason": "c" * MIB})
    payloads = (many, answer(large()), *samples().values())
    await log.append(command(PROJECT, *payloads))
    rows = await log.pool.fetch("SELECT resolved(payload) FROM event_log ORDER BY position")
    assert [json.loads(row[0]) for row in rows] == [payload.model_dump(mode="json") for payload in payloads]
    assert tuple(event.payload for event in await load(log.pool, {PROJECT: 0})) == payloads
    assert (len(await named_blobs(log.pool, 0, 1)), len(await named_blobs(log.pool, 0, 2))) == (3, 4)
    assert await named_blobs(log.pool, 2, 100) == []


async def test_a_large_definition_is_found_by_its_hash(log: Log) -> None:
    workflow = WORKFLOW.model_copy(update={"name": "w" * MIB})
    digest = workflow.digest()
    registered = DefinitionRegistered(kind="workflow", hash=digest, definition=workflow.model_dump(mode="json"))
    await log.append(command(SYSTEM_STREAM, registered))
    found = await log.pool.fetchval(QUERIES["definition"], SYSTEM_STREAM, digest)
    assert Workflow.model_validate_json(found) == workflow


async def test_a_message_that_leads_to_a_large_event_goes_through_the_loop(log: Log) -> None:
    """What it decides on afterwards holds the content, both as remembered and as loaded by another process."""
    content = large(3 * MIB)
    payloads = story(content)

    def loop(decision: Sequence[Payload]) -> Loop:
        return Loop("test", log.pool, log.appender, lambda _state, _inbound: Decision(tuple(decision)))

    async with running(loop(payloads)) as one:
        settled = await one.ask(Inbound(id=uuid4(), project_id=PROJECT, what=message()))
        assert settled.reply.problem is None
        assert tuple(event.payload for event in settled.events) == payloads
        assert settled.state == fold(*payloads)
    async with running(loop([message()])) as other:
        settled = await other.ask(Inbound(id=uuid4(), project_id=PROJECT, what=message()))
        assert settled.state.tasks == fold(*payloads).tasks


async def test_what_is_too_large_is_refused_by_the_loop_in_plain_words(log: Log) -> None:
    def too_much(_state: Project, _inbound: Inbound) -> Decision:
        return Decision((AgentMessage(task_id=uuid4(), agent_type="a", message="x" * (16 * MIB)),))

    async with running(Loop("test", log.pool, log.appender, too_much)) as loop:
        settled = await loop.ask(Inbound(id=uuid4(), project_id=PROJECT, what=message()))
    assert settled.reply.problem
    assert (settled.reply.problem.status, "over 15" in settled.reply.problem.detail) == (422, True)
    assert await blobs_of(log) == {}


@contextlib.asynccontextmanager
async def running(loop: Loop) -> AsyncIterator[Loop]:
    task = asyncio.create_task(loop.run())
    yield loop
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_equal_content_is_kept_once_whoever_writes_it(database: str) -> None:
    """Two appenders with the same blobs in different order neither fail nor deadlock."""
    async with open_log(database) as one, open_log(database) as two:
        contents = [large(MIB, mark) for mark in "abcd"]

        async def write(log: Log, order: Sequence[Json]) -> None:
            for _ in range(3):
                await log.append(command(uuid4(), *(answer(content) for content in order)))

        await asyncio.gather(write(one, contents), write(two, contents[::-1]))
        assert len(await blobs_of(one)) == 4
        assert await chain_is_whole(one)


def answer(content: Json) -> LlmCall:
    sample = samples()["llm_call"]
    assert isinstance(sample, LlmCall)
    return sample.model_copy(update={"answer": content})


async def test_a_batch_of_many_large_events_goes_in_groups(log: Log) -> None:
    """More than one statement may carry, in one call."""
    contents = [large(6 * MIB, mark) for mark in "abcde"]
    outcomes = await log.append(*(command(uuid4(), answer(content), message()) for content in contents))
    assert {outcome.kind for outcome in outcomes} == {"ok"}
    assert len(await blobs_of(log)) == 5


async def test_readers_take_large_events_in_portions(log: Log) -> None:
    """A follower's memory is bounded by 32 MiB of blobs; nothing is left out."""
    contents = [large(13 * MIB, mark) for mark in "abc"]
    for content in contents:
        await log.append(command(uuid4(), answer(content)))
    first = await read(log.pool, 0, 500)
    second = await read(log.pool, first[-1].position, 500)
    assert (len(first), len(second)) == (2, 1)
    found = [event.payload.answer for event in (*first, *second) if isinstance(event.payload, LlmCall)]
    assert found == contents


async def test_what_postgresql_refuses_in_a_blob_is_refused_alone(log: Log) -> None:
    """Otherwise whoever projects it would stand still."""
    poison = command(uuid4(), answer(large() | {"nul": "a\x00b"}))
    outcomes = await log.appender.append([command(uuid4()), poison, command(uuid4(), answer(large()))])
    assert [isinstance(outcome, DataRefused) for outcome in outcomes] == [False, True, False]
    assert len(await blobs_of(log)) == 1


async def test_a_missing_blob_is_named_by_whoever_needs_it(log: Log) -> None:
    """Readers of the project and the proof say which one it is; followers and events without blobs go on."""
    (outcome,) = await log.append(command(PROJECT, *story(large())))
    (digest,) = await blobs_of(log)
    await lose(log.dsn, "DELETE FROM log_blobs")
    await log.append(command(PROJECT, message()))
    with pytest.raises(BlobMissing, match=digest):
        await load(log.pool, {PROJECT: 0})
    with pytest.raises(asyncpg.DataCorruptedError, match=digest):
        await log.pool.execute("SELECT resolved(payload) FROM event_log")
    broken = [tuple(row) for row in await log.pool.fetch(BROKEN, 0, outcome.position)]
    assert broken == [(outcome.position - 1, digest, "missing"), (outcome.position, digest, "missing")]
    assert len(await read(log.pool, 0, 100)) == outcome.position + 1


async def test_an_altered_blob_is_found_at_the_event_that_names_it(log: Log) -> None:
    (outcome,) = await log.append(command(uuid4(), message(), answer(large())))
    await lose(log.dsn, "UPDATE log_blobs SET content = replace(content, '0.py', '0.sh')")
    (broken,) = await log.pool.fetch(BROKEN, 0, 100)
    assert (broken["position"], broken["problem"]) == (outcome.position, "altered")


@pytest.mark.parametrize(
    "statement", ["UPDATE log_blobs SET content = '1'", "DELETE FROM log_blobs", "TRUNCATE log_blobs"]
)
async def test_blobs_are_append_only(log: Log, statement: str) -> None:
    """Not even the superuser in replica mode changes them by accident."""
    await log.append(command(uuid4(), answer(large())))
    async with log.pool.acquire() as connection:
        await connection.execute("SET session_replication_role = replica")
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await connection.execute(statement)
        await connection.execute("RESET session_replication_role")


@pytest.mark.parametrize(
    "content",
    ["{}", '"' + "x" * (16 * MIB) + '"', '{"a": ', '"\\u0000"'],
    ids=["another digest", "over 16 MiB", "not JSON", "NUL"],
)
async def test_the_table_takes_no_blob_that_could_not_be_relied_on(log: Log, content: str) -> None:
    digest = "0" * 64 if content == "{}" else hashlib.sha256(content.encode()).hexdigest()
    with pytest.raises((asyncpg.DataError, asyncpg.CheckViolationError)):
        await keep_blobs(log.pool, [Blob(digest, content)])
    assert await fetch_blobs(log.pool, [digest]) == {}


async def test_blobs_cost_one_statement_and_an_append_without_any_none(log: Log) -> None:
    await log.append(command(uuid4()))
    assert log.appender._connection
    sent: list[str] = []
    log.appender._connection.add_query_logger(lambda record: sent.append(record.query))
    await log.append(command(uuid4(), message(), message()))
    assert sent == [QUERIES["append"]]
    await log.append(command(uuid4(), answer(large()), answer(large(mark="y"))))
    assert sent == [QUERIES["append"], QUERIES["keep_blobs"], QUERIES["append"]]


async def test_the_schema_version_of_the_class_is_written(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AgentMessage, "schema_version", 3)
    await log.append(command(uuid4(), message("new")), command(uuid4(), answer({})))
    rows = await log.pool.fetch("SELECT schema_version FROM event_log ORDER BY position")
    assert [row[0] for row in rows] == [3, 1]


async def test_an_event_in_an_older_shape_is_read_as_todays(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers pass the version that stands in the log."""
    project = UUID(int=7)
    await log.append(command(project, message("old")))
    monkeypatch.setattr(AgentMessage, "schema_version", 2)
    monkeypatch.setattr(
        "baton_contracts.upcasters.UPCASTERS",
        {("agent_message", 1): lambda content: content | {"message": content["message"].upper()}},
    )
    await log.append(command(project, message("new")))
    for events in (await load(log.pool, {project: 0}), await read(log.pool, 0, 10)):
        assert [event.payload.message for event in events if isinstance(event.payload, AgentMessage)] == ["OLD", "new"]
