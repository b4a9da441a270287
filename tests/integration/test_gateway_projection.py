"""The projector on a real log: in turns, and fenced."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from baton_contracts.events import ProjectCreated
from baton_eventlog.database import connect
from baton_eventlog.leader import LeadershipLost, lead
from baton_eventlog.proof import LogAltered, verify_blobs
from baton_gateway import projection
from baton_gateway.freshness import Freshness
from baton_gateway.projection import project
from baton_runtime.bus import MemoryBus
from baton_runtime.host import Host, open_host
from baton_runtime.settings import Settings
from support.logs import command, message
from support.tampering import lose
from support.waiting import eventually, until

CHECKPOINT = "SELECT position FROM checkpoints WHERE name = 'projector'"


@pytest.fixture
async def host(database: str, tmp_path: Path) -> AsyncIterator[Host]:
    async with open_host(Settings(data_dir=tmp_path), database, MemoryBus()) as opened:
        yield opened


async def test_a_long_log_is_projected_in_turns_to_its_head(host: Host) -> None:
    created = ProjectCreated(name="A", product_idea="An app", tenant="default")
    await host.appender.append([command(uuid4(), created) for _ in range(40)])
    await host.appender.append([command(uuid4(), *[message()] * 50) for _ in range(42)])
    await host.appender.append([command(uuid4(), created)])
    freshness = Freshness(host.pool)
    running = asyncio.create_task(project(host, freshness))
    assert await freshness.wait(40 + 42 * 50 + 1, timeout=10)
    assert await host.pool.fetchval("SELECT count(*) FROM projects") == 41
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_leader_whose_checkpoint_was_moved_by_another_writes_nothing_more(host: Host) -> None:
    freshness = Freshness(host.pool)
    running = asyncio.create_task(project(host, freshness))
    await host.appender.append([command(uuid4())])
    assert await freshness.wait(1, timeout=10)
    await host.pool.execute("UPDATE checkpoints SET position = 7 WHERE name = 'projector'")
    created = ProjectCreated(name="A", product_idea="An app", tenant="default")
    await host.appender.append([command(uuid4(), created)])
    await until(running.done)
    assert isinstance(running.exception(), LeadershipLost)
    assert await host.pool.fetchval(CHECKPOINT) == 7
    assert await host.pool.fetchval("SELECT count(*) FROM projects") == 0


WRAPPED = """
ALTER FUNCTION project_range RENAME TO projected;
CREATE FUNCTION project_range(low bigint, high bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    {first}
    PERFORM projected(low, high);
END $$;
"""


async def wrap(dsn: str, first: str) -> None:
    """Let a statement of plpgsql come before every projection."""
    owner = await connect(dsn, name="test")
    await owner.execute("CREATE SEQUENCE faults; GRANT ALL ON faults TO PUBLIC")
    await owner.execute(WRAPPED.format(first=first))
    await owner.close()


async def test_a_range_that_takes_too_long_is_halved_until_it_does_not(
    host: Host, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leader goes on, and its steps grow again where it can make longer ones."""
    monkeypatch.setattr(projection, "_DEADLINE", 0.5)
    slow = "PERFORM pg_sleep(CASE WHEN low < 150 AND high > low + 20 THEN 60 ELSE 0 END);"
    await wrap(database, slow)
    await host.appender.append([command(uuid4(), *[message()] * 100) for _ in range(14)])
    freshness = Freshness(host.pool)
    running = asyncio.create_task(project(host, freshness))
    with capture_logs() as said:
        assert await freshness.wait(1400, timeout=15)
    tries = [line["next_try"] for line in said if line["event"] == "range_took_too_long"]
    assert tries[:6] == [500, 250, 125, 62, 31, 15]
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(("code", "times"), [("40P01", 1), ("40001", 1), ("55P03", 1), ("57014", 11), ("25006", 1)])
async def test_what_passes_costs_a_term_and_not_the_gateway(host: Host, database: str, code: str, times: int) -> None:
    """A deadlock, a conflict, a lock, a cancelled statement, a standby: the next term has it done."""
    fault = f"RAISE EXCEPTION 'passing' USING ERRCODE = '{code}'"
    await wrap(database, f"IF nextval('faults') <= {times} THEN {fault}; END IF;")
    await host.appender.append([command(uuid4())])
    freshness = Freshness(host.pool)
    leading = asyncio.create_task(lead(host.dsn, "projector", partial(project, host, freshness)))
    await eventually(lambda: _used_up(host))
    assert not leading.done()
    assert await freshness.wait(1, timeout=10)
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)


async def _used_up(host: Host) -> bool:
    return bool(await host.pool.fetchval("SELECT last_value >= 1 AND is_called FROM faults"))


@pytest.mark.parametrize(
    "loss",
    ["DELETE FROM log_blobs", "UPDATE log_blobs SET content = 'no JSON'", "UPDATE log_blobs SET content = '{}'"],
    ids=["missing", "no JSON", "altered"],
)
async def test_a_broken_blob_is_logged_and_passed(host: Host, database: str, loss: str) -> None:
    """Its place in the table keeps the reference; what follows is projected, and the proof still finds it."""
    created = ProjectCreated(name="A", product_idea="An app " * 100_000, tenant="default")
    await host.appender.append([command(uuid4(), created)])
    (digest,) = [row["sha256"] for row in await host.pool.fetch("SELECT sha256 FROM log_blobs")]
    await lose(database, loss)
    freshness = Freshness(host.pool)
    with capture_logs() as said:
        running = asyncio.create_task(project(host, freshness))
        await host.appender.append([command(uuid4(), ProjectCreated(name="B", product_idea="b", tenant="default"))])
        assert await freshness.wait(2, timeout=10)
    ideas = {row["name"]: row["product_idea"] for row in await host.pool.fetch("SELECT * FROM projects")}
    assert ideas["B"] == "b"
    assert json.loads(ideas["A"]) == {"$blob": digest}
    assert [digest in line["reason"] for line in said if line["event"] == "blob_broken"] == [True]
    with pytest.raises(LogAltered, match=digest):
        await verify_blobs(host.pool, 0, 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
