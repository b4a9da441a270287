"""`baton log` and `baton db`, as a person types them, and the moving of a log below them."""

import asyncio
import io
import json
import os
import re
import shlex
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baton_cli.timeline import line_of, summary
from baton_contracts.events import PAYLOADS, AgentMessage, Event, Payload, ProjectCreated, UnknownPayload
from baton_eventlog.database import connect
from baton_eventlog.exported import BadLine
from baton_eventlog.proof import LogAltered, read_bounds
from baton_eventlog.reader import read
from baton_eventlog.seal import NO_SEAL, seal_next
from baton_eventlog.transfer import NotEmpty, export_lines, import_lines
from baton_eventlog.verification import verify
from support.commands import baton, ended, up
from support.logs import Log, command, message, open_log
from support.tampering import alter, rewrite, truncate

KEY = "sixteen characters and more"
PROJECT = uuid4()
COLUMNS = "SELECT * FROM event_log ORDER BY position"


def idea(name: str = "Recipes") -> Payload:
    return ProjectCreated(name=name, product_idea="A recipe box\nfor \x1b[31mtwo", tenant="default")


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    """Give a log of one project and 20 events of others, some with numbers and texts that are easily bent."""
    async with open_log(database) as opened:
        await opened.append(command(PROJECT, idea(), message('Wörter\u2028\U0001f3c3 \\u0000 "quoted"\n')))
        await opened.append(*(command(uuid4(), message(), message()) for _ in range(10)))
        yield opened


@pytest.fixture
async def empty(postgres_server: str) -> AsyncIterator[Log]:
    """Give a log in a second database."""
    name = f"target_{uuid4().hex}"
    administrator = await connect(postgres_server, name="test")
    await administrator.execute(f"CREATE DATABASE {name}")
    async with open_log(f"{postgres_server.rsplit('/', 1)[0]}/{name}") as opened:
        yield opened
    await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await administrator.close()


async def run(log: Log, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run `baton` on a log's database; return status, output and errors."""
    named = {"BATON_DATABASE_URL": log.dsn} | {f"BATON_{name.upper()}": value for name, value in environment.items()}
    return await asyncio.to_thread(ended, baton(*arguments, environment=named), 60)


async def exported(log: Log) -> list[str]:
    return [line async for line in export_lines(log.pool)]


async def imported(log: Log, lines: list[str]) -> None:
    connection = await connect(log.dsn, name="test")
    try:
        await import_lines(connection, io.BytesIO("".join(f"{line}\n" for line in lines).encode()))
    finally:
        await connection.close()


async def untouched(log: Log) -> bool:
    """Tell whether a database is as it was migrated."""
    tables = ("event_log", "log_blobs", "projections.projects")
    counts = [
        await log.pool.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - ours
        for table in tables
    ]
    return not any(counts) and (await read_bounds(log.pool)).head.position == 0


async def test_verify_says_what_is_sound_and_what_is_sealed(log: Log) -> None:
    await seal_next(log.pool, KEY.encode(), NO_SEAL, 5)
    status, output, errors = await run(log, "log", "verify")
    assert (status, errors) == (0, "")
    assert re.match(r"Sound from position 1 to 22; digest [0-9a-f]{64}\nThe seals were not checked", output)
    status, output, _ = await run(log, "log", "verify", "--from", "3", "--to", "9", log_key=KEY)
    assert status == 0
    assert "Sound from position 3 to 9" in output
    assert "sealed up to position 5" in output


async def test_verify_ends_with_status_1_and_the_first_finding(log: Log) -> None:
    await alter(log, 7)
    await alter(log, 9)
    status, output, errors = await run(log, "log", "verify")
    assert (status, output) == (1, "")
    assert re.fullmatch(r"baton: Position 7 does not follow from position 6: .*\n", errors)
    assert (await run(log, "log", "verify", "--from", "8", "--to", "8"))[0] == 0


async def test_a_rewritten_chain_is_found_with_the_key_alone(log: Log) -> None:
    await seal_next(log.pool, KEY.encode(), NO_SEAL)
    await rewrite(log, 7)
    assert (await run(log, "log", "verify"))[0] == 0
    status, _, errors = await run(log, "log", "verify", log_key=KEY)
    assert status == 1
    assert "positions 1 to 22" in errors


async def test_head_prints_what_verify_expects(log: Log) -> None:
    """A tail that was cut off is found against it, and nothing else finds it."""
    _, anchor, _ = await run(log, "log", "head")
    assert re.fullmatch(r"22:[0-9a-f]{64}\n", anchor)
    assert (await run(log, "log", "verify", "--expect", anchor.strip()))[0] == 0
    await truncate(log, 15)
    assert (await run(log, "log", "verify"))[0] == 0
    status, _, errors = await run(log, "log", "verify", "--expect", anchor.strip())
    assert (status, errors) == (1, "baton: The log ends at 15, but it once reached 22: its tail was cut off\n")


@pytest.mark.parametrize("arguments", [("--expect", "22"), ("--to", "23"), ("--from", "9", "--to", "7")])
async def test_what_cannot_be_verified_is_said_in_one_line(log: Log, arguments: tuple[str, ...]) -> None:
    status, _, errors = await run(log, "log", "verify", *arguments)
    assert (status, errors.count("\n"), errors[:7]) == (1, 1, "baton: ")


async def test_show_tells_a_project_line_by_line(log: Log) -> None:
    """By id, its beginning or its name; what an idea holds does not control the terminal."""
    for said in (str(PROJECT), str(PROJECT)[:8], "Recipes"):
        status, output, _ = await run(log, "log", "show", said)
        assert status == 0
        first, second = output.splitlines()
        assert re.fullmatch(
            r' +1  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  tester +project_created +"Recipes": A recipe box for  \[31mtwo',
            first,
        )
        assert "analyst: Wörter" in second


async def test_show_names_what_there_is_when_a_project_is_unknown_or_not_one(log: Log) -> None:
    await log.append(command(uuid4(), idea("Plants")), command(uuid4(), idea("Plants")))
    status, _, errors = await run(log, "log", "show", "nothing")
    assert status == 1
    assert f"{PROJECT} (Recipes)" in errors
    status, _, errors = await run(log, "log", "show", "Plants")
    assert status == 1
    assert errors.count("(Plants)") == 2


def test_every_event_type_has_a_summary() -> None:
    """Only what a newer Baton wrote has none."""
    unknown = summary(UnknownPayload(content={}))
    for payload in PAYLOADS.values():
        assert summary.dispatch(payload) is not summary.dispatch(UnknownPayload), payload
    assert "newer" in unknown


def test_a_long_actor_keeps_its_kind_and_the_end_of_its_id() -> None:
    runner = f"runner:{uuid4()}"
    said = AgentMessage(task_id=uuid4(), agent_type="analyst", message="hello")
    line = line_of(
        Event(uuid4(), PROJECT, datetime(2026, 11, 24, 9, 47, 23, tzinfo=UTC), 7, 1, runner, None, None, said)
    )
    assert line == f"       7  2026-11-24 09:47:23  runner:…{runner[-6:]}  agent_message        analyst: hello"


@given(text=st.text())
def test_no_text_breaks_a_line_or_controls_the_terminal(text: str) -> None:
    said = AgentMessage(task_id=uuid4(), agent_type="analyst", message=text)
    assert line_of(Event(uuid4(), PROJECT, datetime.now(UTC), 1, 1, text, None, None, said)).isprintable()


async def test_an_exported_log_is_imported_with_the_same_positions_times_and_digests(
    log: Log, empty: Log, tmp_path: Path
) -> None:
    """The epoch alone is new; the tables are filled, and appending goes on."""
    file = tmp_path / "log.jsonl"
    assert await run(log, "log", "export", str(file)) == (0, "", "")
    status, output, _ = await run(empty, "log", "import", str(file))
    before, after = await read_bounds(log.pool), await read_bounds(empty.pool)
    assert (status, output) == (0, f"Imported 22 events; the head is {before.head}\n")
    assert await empty.pool.fetch(COLUMNS) == await log.pool.fetch(COLUMNS)
    assert (after.head, after.epoch == before.epoch) == (before.head, False)
    assert await empty.pool.fetchval("SELECT name FROM projects WHERE id = $1", PROJECT) == "Recipes"
    assert await empty.pool.fetchval("SELECT position FROM checkpoints WHERE name = 'projector'") == 22
    (outcome,) = await empty.append(command(PROJECT, expected=2))
    assert (outcome.kind, outcome.position, outcome.version) == ("ok", 23, 3)
    await verify(empty.pool, expected=before.head)
    await seal_next(empty.pool, KEY.encode(), NO_SEAL)
    assert (await verify(empty.pool, key=KEY.encode())).sealed == 23


async def test_a_log_goes_through_a_pipe_as_well(log: Log) -> None:
    status, output, _ = await run(log, "log", "export", "-")
    assert status == 0
    header, *events = map(json.loads, output.rstrip("\n").split("\n"))
    assert (header["format"], header["position"], len(events)) == ("baton-log", 22, 22)
    assert set(events[0]) == {
        "position", "version", "id", "project_id", "event_type", "timestamp", "actor", "causation_id",
        "correlation_id", "schema_version", "payload", "hash",
    }  # fmt: skip


async def test_an_empty_log_is_moved_too(empty: Log, log: Log) -> None:
    assert len(await exported(empty)) == 1
    await imported(empty, await exported(empty))
    with pytest.raises(NotEmpty):
        await imported(log, await exported(empty))


async def test_blobs_go_along(log: Log, empty: Log) -> None:
    """An event that is too large for a row is read from the imported log as it was written."""
    text = "long " * 80_000
    await log.append(command(PROJECT, message(text)))
    lines = await exported(log)
    assert set(json.loads(lines[-1])) == {"sha256", "content"}
    await imported(empty, lines)
    (event,) = await read(empty.pool, 22, 1)
    assert isinstance(event.payload, AgentMessage)
    assert event.payload.message == text


async def test_a_blob_that_is_missing_or_altered_is_found(log: Log, empty: Log) -> None:
    """In the log, and in an export of it."""
    await log.append(command(PROJECT, message("long " * 80_000)))
    lines = await exported(log)
    with pytest.raises(BadLine, match=r"Line 24: Position 23 names blob .* missing"):
        await imported(empty, lines[:-1])
    with pytest.raises(BadLine, match="Line 25: the blob is not the one"):
        await imported(empty, [*lines[:-1], lines[-1].replace("long long", "long wrong", 1)])
    assert await untouched(empty)
    await log.pool.execute("ALTER TABLE log_blobs DISABLE TRIGGER append_only; DELETE FROM log_blobs")
    for proving in (verify(log.pool), exported(log)):
        with pytest.raises(LogAltered, match="Position 23 names blob"):
            await proving


Change = Callable[[list[str]], list[str]]
ID = re.compile(r'"id" : "[^"]+"')


def nth(line: int, change: Callable[[str], str]) -> Change:
    """Return what changes one line, counted from 1."""
    return lambda lines: [*lines[: line - 1], change(lines[line - 1]), *lines[line:]]


def later(text: str) -> str:
    """Move the time by some microseconds."""
    return re.sub(r"(\d)\+00:00", lambda found: f"{9 - int(found[1])}+00:00", text)


def flip(text: str) -> str:
    """Change the first digit of the hash."""
    return re.sub(r'("hash" ?: ?")(.)', lambda found: f"{found[1]}{15 - int(found[2], 16):x}", text)


def repeat_id(lines: list[str]) -> list[str]:
    """Give an event the id of an earlier one."""
    earlier = ID.findall(lines[5])[0]
    return nth(9, lambda text: ID.sub(earlier, text, count=1))(lines)


DAMAGES: dict[str, tuple[Change, int]] = {
    "a letter of a payload": (nth(9, lambda text: text.replace("hello", "hellO")), 9),
    "some microseconds": (nth(9, later), 9),
    "a hash": (nth(9, flip), 9),
    "a line left out": (lambda lines: [*lines[:8], *lines[9:]], 9),
    "a line twice": (lambda lines: [*lines[:9], *lines[8:]], 10),
    "two lines swapped": (lambda lines: [*lines[:8], lines[9], lines[8], *lines[10:]], 9),
    "a line cut off": (nth(9, lambda text: text[:40]), 9),
    "an empty line": (nth(9, lambda text: "\n" + text), 9),
    "the end cut off": (lambda lines: lines[:-3], 21),
    "a line of another file behind the end": (lambda lines: [*lines, lines[-1]], 24),
    "a NUL that PostgreSQL refuses": (nth(9, lambda text: text.replace("hello", "\\u0000")), 9),
    "an id twice": (repeat_id, 9),
    "an unknown key": (nth(9, lambda text: text.replace("{", '{"more" : 1, ', 1)), 9),
    "no header": (lambda lines: lines[1:], 1),
    "a header of another head": (nth(1, flip), 1),
    "nothing at all": (lambda _: [], 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_export_is_refused_at_the_right_line_and_changes_nothing(
    log: Log, empty: Log, damage: str
) -> None:
    change, line = DAMAGES[damage]
    lines = await exported(log)
    with pytest.raises(BadLine) as raised:
        await imported(empty, change(lines))
    assert raised.value.number == line, str(raised.value)
    assert await untouched(empty)
    await imported(empty, lines)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_byte_changed_in_an_export_is_noticed_or_means_the_same(
    log: Log, empty: Log, data: st.DataObject
) -> None:
    """What is imported all the same (an epoch, a space) gives the same rows."""
    content = bytearray("".join(f"{line}\n" for line in await exported(log)).encode())
    where = data.draw(st.integers(0, len(content) - 1))
    content[where] ^= data.draw(st.integers(1, 255))
    refused, rows = await tried(empty, bytes(content))
    if refused:
        assert refused.number <= content[:where].count(b"\n") + 2
        assert rows == []
    else:
        assert rows == await log.pool.fetch(COLUMNS)


async def tried(log: Log, content: bytes) -> tuple[BadLine | None, list[asyncpg.Record]]:
    """Import and take it back; return what was refused, and the rows that there were."""
    refused = None
    connection = await connect(log.dsn, name="test")
    transaction = connection.transaction()
    await transaction.start()
    try:
        await import_lines(connection, io.BytesIO(content))
    except BadLine as error:
        refused = error
    rows = await connection.fetch(COLUMNS)
    await transaction.rollback()
    await connection.close()
    return refused, rows


async def test_a_broken_log_is_not_exported(log: Log, tmp_path: Path) -> None:
    """And leaves no file that could be taken for one."""
    await alter(log, 9)
    status, _, errors = await run(log, "log", "export", str(tmp_path / "log.jsonl"))
    assert status == 1
    assert "Position 9" in errors
    assert list(tmp_path.iterdir()) == []


async def test_nothing_is_imported_beside_other_events(log: Log, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    await run(log, "log", "export", str(file))
    status, _, errors = await run(log, "log", "import", str(file))
    assert status == 1
    assert "has a log already" in errors


async def test_db_up_brings_an_empty_database_up_and_status_lists_it(database: str) -> None:
    named = {"BATON_DATABASE_URL": database}

    async def db(word: str) -> tuple[int, str, str]:
        return await asyncio.to_thread(ended, baton("db", word, environment=named))

    status, output, _ = await db("status")
    assert (status, set(re.findall(r"^\w+", output, re.MULTILINE))) == (1, {"pending"})
    status, output, errors = await db("up")
    assert (status, errors, output.count("applied   0")) == (0, "", output.count(".sql"))
    status, output, _ = await db("status")
    assert (status, set(re.findall(r"^\w+", output, re.MULTILINE))) == (0, {"applied"})
    assert (await db("up"))[1] == "The schema is up to date.\n"
    connection = await connect(database, name="test")
    await connection.execute("UPDATE schema_migrations SET sha256 = 'x' WHERE name = '0002_append.sql'")
    await connection.close()
    assert "drifted   0002_append.sql" in (await db("status"))[1]
    status, _, errors = await db("up")
    assert (status, "0002_append.sql was changed" in errors) == (1, True)


@pytest.mark.parametrize("words", [("log", "head"), ("log", "verify"), ("log", "show", "x"), ("log", "export", "-")])
async def test_a_database_without_a_log_is_told_plainly(database: str, words: tuple[str, ...]) -> None:
    process = baton(*words, environment={"BATON_DATABASE_URL": database})
    status, _, errors = await asyncio.to_thread(ended, process)
    assert (status, "baton db up" in errors, errors.count("\n")) == (1, True, 1)


def test_a_server_that_does_not_answer_is_told_plainly() -> None:
    process = baton("log", "head", environment={"BATON_DATABASE_URL": "postgresql://baton:secret@127.0.0.1:9/baton"})
    status, _, errors = ended(process)
    assert (status, "secret" in errors, errors.startswith("baton: PostgreSQL does not answer")) == (1, False, True)


def test_a_data_directory_that_was_never_used_stays_unused(tmp_path: Path) -> None:
    status, _, errors = ended(baton("log", "head", "--data-dir", str(tmp_path / "none")))
    assert (status, "There is no database in" in errors) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_the_log_of_a_running_baton_is_read_beside_it_and_of_a_stopped_one_too(tmp_path: Path) -> None:
    """Nobody has to stop anything to look; with a key, the orchestrator has sealed what there is within seconds."""
    data, named = ("--data-dir", str(tmp_path)), {"BATON_LOG_KEY": KEY}
    with up(*data, environment=named):
        end, output = time.monotonic() + 30, ""
        while "All of it is sealed" not in output:
            assert time.monotonic() < end, output
            status, output, errors = ended(baton("log", "verify", *data, environment=named), 60)
            assert (status, errors) == (0, "")
        _, beside, _ = ended(baton("log", "head", *data), 60)
    status, stopped, errors = ended(baton("log", "head", *data), 60)
    assert (status, errors) == (0, "")
    assert int(stopped.split(":")[0]) >= int(beside.split(":")[0]) > 0
    assert ended(baton("db", "status", *data), 60)[0] == 0


async def test_a_reader_that_has_enough_is_no_error(log: Log) -> None:
    """As in `baton log show ... | head -1`: nothing is said, and nothing is blamed."""
    project = uuid4()
    await log.append(command(project, idea("Long")))
    for _ in range(30):
        await log.append(command(project, *(message("x" * 200) for _ in range(90))))
    ran = await asyncio.create_subprocess_shell(
        f"{shlex.quote(sys.executable)} -m baton_cli log show {project} | head -1",
        env=os.environ | {"BATON_DATABASE_URL": log.dsn},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = await asyncio.wait_for(ran.communicate(), 60)
    assert len(said.splitlines()) == 1, errors
    assert errors == b""
