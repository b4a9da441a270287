"""The plans of what followers, loaders and the projector run: look-ups by index, however far behind they are."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
from asyncpg.pool import PoolConnectionProxy

from baton_eventlog.sql import QUERIES
from baton_gateway.reading import READS
from support.histories import short_story
from support.logs import Log, command, open_log
from support.long_logs import multiply
from support.stories import PROJECT

COPIES: Final = 3_400
REGIMES: Final = {"caught up": 0, "slightly behind": 10, "far behind": 15_000, "from zero": 1 << 40}
MODES: Final = ("force_custom_plan", "force_generic_plan")
TYPES: Final = ["task_complete", "task_created"]
SETTLE_ALL: Final = """
INSERT INTO inbox (id, consumer, message_id, request_hash, position, version, settled_at)
SELECT inbox_key('c', id), 'c', id, '', position, version, now() FROM event_log WHERE event_type = ANY ($1)
"""
SCANS: Final = ("event_log", "inbox", "projects", "tasks", "context_artifacts", "hitl_requests", "agent_status_history")


@pytest.fixture(params=["analysed", "never analysed"])
async def log(request: pytest.FixtureRequest, database: str) -> AsyncIterator[Log]:
    """A log of more than 20,000 events, projected, all settled by one consumer."""
    async with open_log(database) as opened:
        await opened.pool.execute("ALTER TABLE event_log SET (autovacuum_enabled = off)")
        await opened.append(command(PROJECT, *short_story()))
        assert await multiply(opened.pool, COPIES) > 20_000
        await opened.pool.execute(SETTLE_ALL, TYPES)
        await opened.pool.execute("SELECT project_range(0, position) FROM log_head")
        if request.param == "analysed":
            await opened.pool.execute("ANALYZE")
        yield opened


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give every node of a plan."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def scanned_whole(plan: dict[str, Any]) -> list[str]:
    """Return the tables that a plan reads from end to end."""
    return [node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"]


async def plan_of(
    connection: PoolConnectionProxy, statement: str, types: str, values: str, *settings: str
) -> dict[str, Any]:
    """Explain a statement as a prepared one, under settings; the plan is not run."""
    async with connection.transaction():
        for setting in settings:
            await connection.execute(f"SET LOCAL {setting}")
        await connection.execute(f"PREPARE explained ({types}) AS {statement}")
        found = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE explained ({values})")
        await connection.execute("DEALLOCATE explained")
    (explained,) = json.loads(found)
    plan: dict[str, Any] = explained["Plan"]
    return plan


def low_of(regime: str, head: int) -> int:
    return max(head - REGIMES[regime], 0)


@pytest.mark.parametrize("mode", MODES)
async def test_every_look_at_the_log_is_by_index(log: Log, mode: str) -> None:
    """What follows a position, what a stream has after a version, and what is unsettled, in all four regimes."""
    head = await log.pool.fetchval("SELECT position FROM log_head")
    projects = await log.pool.fetch("SELECT id FROM projects LIMIT 20")
    streams = ", ".join(f"'{row['id']}'" for row in projects)
    found: dict[tuple[str, str], list[str]] = {}
    async with log.pool.acquire() as connection:
        for regime in REGIMES:
            low, version = low_of(regime, head), {"caught up": 6, "slightly behind": 5, "far behind": 2}.get(regime, 0)
            versions = ", ".join([str(version)] * len(projects))
            asked = {
                "read": ("bigint, bigint", f"{low}, 500"),
                "load": ("uuid[], int[]", f"ARRAY[{streams}]::uuid[], ARRAY[{versions}]"),
                "unsettled": (
                    "text[], text[], bigint, bigint, bigint",
                    f"ARRAY['{TYPES[0]}', '{TYPES[1]}'], ARRAY['c', 'c'], {low}, {head}, 1000",
                ),
            }
            for name, (types, values) in asked.items():
                plan = await plan_of(connection, QUERIES[name], types, values, f"plan_cache_mode = {mode}")
                found[name, regime] = scanned_whole(plan)
    assert not {one: tables for one, tables in found.items() if tables}


@pytest.mark.parametrize("regime", REGIMES)
async def test_projecting_a_range_looks_up_by_index(log: Log, regime: str) -> None:
    """Both looks at the log read the range alone, and every row that exists already is found by its key."""
    head = await log.pool.fetchval("SELECT position FROM log_head")
    ((body, settings),) = await log.pool.fetch(
        "SELECT prosrc, proconfig FROM pg_proc WHERE oid = 'project_range(bigint, bigint)'::regprocedure"
    )
    statement = body[body.index("WITH event") : body.rindex(";\nEND")]
    statement = re.sub(r"\bhigh\b", "$2", re.sub(r"\blow\b", "$1", statement))
    low = low_of(regime, head)
    async with log.pool.acquire() as connection:
        plan = await plan_of(
            connection, statement, "bigint, bigint", f"{low}, {min(low + 1000, head)}", *map(unquoted, settings)
        )
    assert not set(SCANS) & set(scanned_whole(plan))
    looks = [
        (node["Index Name"], node["Index Cond"].count('"position" '))
        for node in nodes(plan)
        if node.get("Index Name", "").startswith("event_log")
    ]
    assert len(looks) == 2  # at all events, and at the newest call of a model
    assert set(looks) <= {("event_log_position_key", 2), ("event_log_routed", 2)}  # the second begins with the type


ASKED: Final = {
    "agent_list": ("text[], text", "ARRAY['analyst', 'coder'], {tenant}"),
    "agent_view": ("text, text", "'analyst', {tenant}"),
    "agent_list_as_of": ("text[], text, bigint, timestamptz", "ARRAY['analyst'], {tenant}, {head}, 'infinity'"),
    "agent_history": ("text, text, int", "'analyst', {tenant}, 100"),
    "standings_of_events": ("uuid[]", "ARRAY[gen_random_uuid()]"),
}


@pytest.mark.parametrize("tenant", ["'default'", "NULL"])
@pytest.mark.parametrize("mode", MODES)
async def test_what_agents_do_is_looked_up_by_index(log: Log, mode: str, tenant: str) -> None:
    """Now, as of a position, and what sockets are told of a few events at the end of a long history."""
    head = await log.pool.fetchval("SELECT position FROM log_head")
    async with log.pool.acquire() as connection:
        found = {}
        for name, (types, values) in ASKED.items():
            asked = values.format(head=head, tenant=tenant)
            found[name] = scanned_whole(
                await plan_of(connection, READS[name], types, asked, f"plan_cache_mode = {mode}")
            )
    assert not {name: set(tables) & set(SCANS) for name, tables in found.items() if set(tables) & set(SCANS)}


def unquoted(setting: str) -> str:
    """Return `name=value` of a function as `name = value`."""
    return setting.replace("=", " = ", 1)


async def test_a_plan_made_on_empty_tables_serves_grown_ones(database: str) -> None:
    """The projector's session keeps its plan, so the plan may not depend on how small the tables were."""
    async with open_log(database) as log, log.pool.acquire() as connection:
        for _ in range(8):
            await connection.execute("SELECT project_range(0, 0)")
        await log.append(command(PROJECT, *short_story()))
        head = await multiply(log.pool, COPIES)
        await connection.execute("SELECT project_range(0, $1)", head - 1)
        await connection.execute("SELECT pg_stat_force_next_flush()")  # what this session did before is told apart
        async with connection.transaction():
            before = await scans(connection)
            await connection.execute("SELECT project_range($1, $2)", head - 1, head)
            assert await scans(connection) == before
        assert await log.pool.fetchval("SELECT status FROM projects WHERE position = $1", head) == "completed"


async def scans(connection: PoolConnectionProxy) -> dict[str, int]:
    """Return how often this session's transaction has read each table that grows from end to end."""
    counted = "SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE relname = ANY ($1)"
    return {row["relname"]: row["seq_scan"] for row in await connection.fetch(counted, list(SCANS))}
