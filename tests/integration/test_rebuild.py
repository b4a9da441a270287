"""Rebuilding the projected tables: unnoticed by readers and writers, and whole at any moment it may be interrupted."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid4

import asyncpg
import pytest

from baton_eventlog import aside
from baton_eventlog.aside import RebuildRefused
from baton_eventlog.comparison import compare
from baton_eventlog.rebuild import rebuild, rebuild_one
from support.histories import short_story
from support.logs import Log, command, open_log
from support.long_logs import multiply
from support.stage import Stage, stage
from support.stories import PROJECT
from support.waiting import eventually

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'projections%' ORDER BY 1"
TASKS = "SELECT 'projections.tasks'::regclass::oid"
SHAPE = """
SELECT c.relname, c.relacl::text, pg_get_userbyid(c.relowner), k.conname, pg_get_constraintdef(k.oid), i.indexdef,
       ARRAY(SELECT attname || attoptions::text FROM pg_attribute WHERE attrelid = c.oid AND attoptions IS NOT NULL)
  FROM pg_class c
  LEFT JOIN pg_constraint k ON k.conrelid = c.oid
  LEFT JOIN pg_indexes i ON i.schemaname = 'projections' AND i.tablename = c.relname
 WHERE c.relnamespace = 'projections'::regnamespace AND c.relkind = 'r' ORDER BY 1, 4, 6
"""
PROJECT_ALL = """
WITH moved AS (UPDATE checkpoints SET position = log_head.position FROM log_head WHERE name = 'projector'
               RETURNING log_head.position)
SELECT project_range(0, position), position FROM moved
"""


def nobody(_done: int, _all: int) -> None:
    """Take no note of how far it is."""


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    """A log of some thousand events, projected."""
    async with open_log(database) as opened:
        await opened.append(command(PROJECT, *short_story()))
        await multiply(opened.pool, 300)
        await opened.pool.execute(PROJECT_ALL)
        yield opened


@dataclass
class Traffic:
    """Whoever writes and reads during a test; any error is kept, and each append's wait in seconds."""

    on: Stage
    waits: list[float] = field(default_factory=list)
    reads: int = 0
    written: tuple[UUID, int] | None = None

    async def write(self) -> None:
        """Append whole projects, one after the other."""
        while True:
            project, start = uuid4(), monotonic()
            (outcome,) = await self.on.host.appender.append([command(project, *short_story())])
            self.waits.append(monotonic() - start)
            assert not isinstance(outcome, Exception)
            self.written = (project, outcome.position)
            await asyncio.sleep(0.005)

    async def read(self) -> None:
        """Read over HTTP what was written last: it is there, and complete."""
        while True:
            await asyncio.sleep(0.002)
            if self.written:
                project, position = self.written
                view = await self.on.get(f"/api/v1/projects/{project}?min_position={position}")
                assert (view["status"], len(view["tasks"])) == ("completed", 1)
                done = await self.on.get(f"/api/v1/projects/{project}/completion?min_position={position}")
                assert done["completion_percentage"] == 100
                self.reads += 1

    @contextlib.asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Write and read; the first error of either is raised at the end."""
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(work) for work in (self.write(), self.read(), self.read())]
            yield
            for task in running:
                task.cancel()


@contextlib.asynccontextmanager
async def open_reader(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Give a session in a transaction that has read the tables."""
    reader = await asyncpg.connect(dsn)
    try:
        async with reader.transaction():
            await reader.fetch("SELECT * FROM tasks LIMIT 1")
            yield reader
    finally:
        await reader.close()


async def test_nobody_notices_a_rebuild(database: str, tmp_path: Path) -> None:
    """Under reads and writes, one reader in an open transaction: no error, nothing stale, no append waits for it."""
    async with stage(database, tmp_path, alone=True) as on:
        await on.tell(PROJECT, *short_story())
        await multiply(on.host.pool, 3000)
        on.host.signal.fire()
        await on.shown()
        before, traffic = await on.host.pool.fetchval(TASKS), Traffic(on)
        async with traffic.flowing():
            await asyncio.sleep(1)
            calm, reads = max(traffic.waits), traffic.reads
            traffic.waits.clear()
            async with open_reader(database) as reader:
                rebuilding = asyncio.create_task(rebuild(database, nobody))

                async def switched() -> bool:
                    return bool(await on.host.pool.fetchval(TASKS) != before)

                await eventually(switched)
                assert traffic.written
                await on.shown(traffic.written[1])
                assert await reader.fetchval("SELECT status FROM projects WHERE id = $1", traffic.written[0])
                assert not rebuilding.done()  # it waits for this reader, and for nothing else, to drop the old tables
            await rebuilding
            await asyncio.sleep(0.5)
            assert traffic.reads > reads
        assert max(traffic.waits) < calm + 0.5, (max(traffic.waits), calm)
        await on.shown()
        assert (await compare(database, nobody)).total == 0


async def test_a_rebuild_keeps_names_references_and_rights(log: Log) -> None:
    """What a catalog tells of the tables is the same after, so later migrations find what they name."""
    await log.pool.execute("DO $$ BEGIN CREATE ROLE rebuild_reader; EXCEPTION WHEN OTHERS THEN NULL; END $$")
    await log.pool.execute("GRANT SELECT ON projections.tasks TO rebuild_reader")
    before, shape = await log.pool.fetchval(TASKS), await log.pool.fetch(SHAPE)
    assert await rebuild(log.dsn, nobody) == await log.pool.fetchval("SELECT position FROM log_head")
    assert await log.pool.fetchval(TASKS) != before
    assert await log.pool.fetch(SHAPE) == shape
    assert len(shape) > 20
    assert "tenant{n_distinct=1}" in {option for row in shape for option in row[-1]}
    await log.pool.execute("DROP OWNED BY rebuild_reader")


async def test_a_rebuild_makes_right_what_was_wrong(log: Log) -> None:
    await log.pool.execute("UPDATE tasks SET status = 'failed'; DELETE FROM agent_status_history")
    await rebuild(log.dsn, nobody)
    assert (await compare(log.dsn, nobody)).total == 0
    assert [row[0] for row in await log.pool.fetch(SCHEMAS)] == ["projections"]


async def test_progress_goes_up_to_the_checkpoint(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "STRIDE", 1000)
    told: list[tuple[int, int]] = []
    end = await rebuild(log.dsn, lambda done, of: told.append((done, of)))
    assert told == sorted(told)
    assert len(told) > 1
    assert told[-1] == (end, end)


INTERRUPTED = """
import asyncio, sys
from baton_eventlog import aside, rebuild

async def hang(*_):
    print("there", flush=True)
    await asyncio.sleep(60)

if sys.argv[2] == "fill":
    aside.STRIDE = 1000
    real = aside.Aside.project
    async def project(self, *positions):
        await real(self, *positions)
        await hang()
    aside.Aside.project = project
elif sys.argv[2] == "finish":
    real = aside.Aside.finish
    async def finish(self):
        await real(self)
        await hang()
    aside.Aside.finish = finish
else:
    rebuild.drop = hang
asyncio.run(rebuild.rebuild(sys.argv[1], lambda done, of: None))
"""


@pytest.mark.parametrize("moment", ["fill", "finish", "drop"])
async def test_killed_at_any_moment_it_leaves_tables_that_serve_and_can_be_started_again(log: Log, moment: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", INTERRUPTED, log.dsn, moment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"there\n"
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert len(await log.pool.fetch(SCHEMAS)) == 2
    assert await log.pool.fetchval("SELECT count(*) FROM tasks") == 301
    await rebuild(log.dsn, nobody)
    assert [row[0] for row in await log.pool.fetch(SCHEMAS)] == ["projections"]
    assert (await compare(log.dsn, nobody)).total == 0


async def test_one_rebuild_at_a_time(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "_PATIENCE", 0.2)
    async with aside.open_aside(log.dsn, nobody):
        with pytest.raises(RebuildRefused, match="Another rebuild is at work"):
            await rebuild(log.dsn, nobody)


async def test_a_reader_that_never_ends_keeps_the_old_tables_alone(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new ones serve all the same; the next rebuild removes what was left."""
    monkeypatch.setattr(aside, "_PATIENCE", 0.5)
    before = await log.pool.fetchval(TASKS)
    async with open_reader(log.dsn):
        with pytest.raises(RebuildRefused, match="projections_old"):
            await rebuild(log.dsn, nobody)
        assert await log.pool.fetchval(TASKS) != before
    await rebuild(log.dsn, nobody)
    assert [row[0] for row in await log.pool.fetch(SCHEMAS)] == ["projections"]


async def test_verifying_finds_a_tampered_a_missing_and_an_extra_row(log: Log) -> None:
    """It names the rows and what is wrong with them, and changes nothing."""
    tampered = await log.pool.fetchval(
        "UPDATE tasks SET agent_type = 'x' WHERE position = (SELECT max(position) FROM tasks) RETURNING id"
    )
    missing = await log.pool.fetchval(
        "DELETE FROM agent_status_history WHERE position = "
        "(SELECT max(position) FROM agent_status_history) RETURNING id"
    )
    extra = uuid4()
    await log.pool.execute("INSERT INTO agent_status VALUES ($1, 'nobody', 'idle', now(), 1, 'default', 0, 0)", extra)
    for _ in range(2):
        found = await compare(log.dsn, nobody)
        assert found.total == 3
        assert [str(one) for one in found.first] == [
            f"agent_status {extra}: the log knows no such row",
            f"agent_status_history {missing}: the row is missing",
            f'tasks {tampered}: agent_type is "x", the log says "analyst"',
        ]
    assert (await compare(log.dsn, nobody, "tasks")).total == 1
    assert [row[0] for row in await log.pool.fetch(SCHEMAS)] == ["projections"]


async def test_one_projection_is_corrected_alone(log: Log) -> None:
    await log.pool.execute("UPDATE tasks SET agent_type = 'x'; DELETE FROM agent_status_history")
    assert await rebuild_one(log.dsn, "tasks", nobody) == 301
    assert (await compare(log.dsn, nobody, "tasks")).total == 0
    assert (await compare(log.dsn, nobody)).total == 602


async def test_a_table_whose_extra_rows_others_refer_to_is_not_corrected_alone(log: Log) -> None:
    """It says so, and nothing has changed; rebuilding all helps."""
    extra = uuid4()
    await log.pool.execute(
        "INSERT INTO tasks SELECT $1, project_id, execution_id, step_id, agent_type, instructions, status, attempt, "
        "runner_id, reason, created_at, updated_at, position FROM tasks LIMIT 1",
        extra,
    )
    await log.pool.execute(
        "UPDATE context_artifacts SET task_id = $1 WHERE id = (SELECT id FROM context_artifacts LIMIT 1)", extra
    )
    with pytest.raises(RebuildRefused, match="rebuild all"):
        await rebuild_one(log.dsn, "tasks", nobody)
    assert await log.pool.fetchval("SELECT count(*) FROM tasks WHERE id = $1", extra) == 1
    await rebuild(log.dsn, nobody)
    assert (await compare(log.dsn, nobody)).total == 0


@pytest.mark.parametrize("act", [rebuild_one, compare])
async def test_a_projection_that_is_none_is_refused_with_those_that_are(log: Log, act: object) -> None:
    with pytest.raises(RebuildRefused, match=r"no projection task; there are agent_status, .*workflow_executions"):
        await (rebuild_one(log.dsn, "task", nobody) if act is rebuild_one else compare(log.dsn, nobody, "task"))


async def test_a_login_that_owns_nothing_is_told_who_can(log: Log) -> None:
    await log.pool.execute("DO $$ BEGIN CREATE ROLE rebuild_nobody; EXCEPTION WHEN OTHERS THEN NULL; END $$")
    with pytest.raises(RebuildRefused, match="as the database's owner"):
        await rebuild(f"{log.dsn}?role=rebuild_nobody", nobody)


async def test_an_empty_log_is_rebuilt_too(database: str) -> None:
    async with open_log(database):
        assert await rebuild(database, nobody) == 0
        assert (await compare(database, nobody)).total == 0


async def test_tables_of_another_log_are_not_taken_for_this_ones(log: Log) -> None:
    """A checkpoint beyond the head is refused with what to do, and that helps."""
    head = await log.pool.fetchval("SELECT position FROM log_head")
    await log.pool.execute("UPDATE checkpoints SET position = position + 1 WHERE name = 'projector'")
    for act in (rebuild, compare):
        with pytest.raises(RebuildRefused, match=f"checkpoints to {head}, and rebuild"):
            await act(log.dsn, nobody)
    await log.pool.execute("UPDATE checkpoints SET position = $1 WHERE name = 'projector'", head)
    assert await rebuild(log.dsn, nobody) == head


async def test_a_checkpoint_that_is_set_back_meanwhile_ends_the_rebuild(log: Log) -> None:
    def set_back(_done: int, _all: int) -> None:
        pending.append(asyncio.ensure_future(log.pool.execute(back)))

    pending: list[asyncio.Future[str]] = []
    back = "UPDATE checkpoints SET position = 5 WHERE name = 'projector'"
    with pytest.raises(RebuildRefused, match="set back to 5 meanwhile"):
        await rebuild(log.dsn, set_back)
    await asyncio.gather(*pending)


async def test_a_database_without_the_tables_is_told_how_to_get_them(database: str) -> None:
    with pytest.raises(RebuildRefused, match="baton db up"):
        await rebuild(database, nobody)


async def test_events_beyond_the_checkpoint_are_left_to_the_projector(log: Log) -> None:
    """The tables show what the checkpoint says, so the projector goes on where it was."""
    shown = await log.pool.fetchval("SELECT position FROM log_head")
    await log.append(command(uuid4(), *short_story()))
    assert await rebuild(log.dsn, nobody) == shown
    assert await log.pool.fetchval("SELECT count(*) FROM projects") == 301
