"""`python -m bench.log [--quick] [--only NAME,...]`: one table of what the log does, beside its floors.

It runs a durable PostgreSQL of its own in a temporary directory on a real disk. A goal that is not met is said and
is no failure; the exit status is 0 unless something breaks.
"""

import argparse
import asyncio
import os
import platform
import shlex
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Final

import structlog

from baton_cli.postgres import EmbeddedPostgres
from bench import appends, caching, callers, following, growth, latency, projecting, rebuilding
from bench.databases import connection
from bench.machine import fdatasync_seconds, filesystem, memory_gib
from bench.scale import Scale
from bench.table import Row, milliseconds, render

Measure = Callable[[str, Scale], Awaitable[list[Row]]]
MEASURES: Final[Mapping[str, Measure]] = {
    "append": appends.measure_batches,
    "single": appends.measure_single,
    "callers": callers.measure,
    "latency": latency.measure,
    "lag": projecting.measure,
    "rebuild": rebuilding.measure,
    "growth": growth.measure,
    "cached": caching.measure,
    "follow": following.measure,
}


def read_arguments(program: str, measures: Mapping[str, Measure]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--only", default=",".join(measures), help="the measures to take (%(default)s)")
    parser.add_argument("--directory", type=Path, help="where the database lives for the run: on a disk")
    given = parser.parse_args()
    if unknown := set(given.only.split(",")) - set(measures):
        parser.error(f"no measure is called {', '.join(sorted(unknown))}; there are {', '.join(measures)}")
    return given


async def describe(program: str, server: str, directory: Path, scale: Scale) -> str:
    """Return what the figures were measured on, and when."""
    async with connection(server) as opened:
        version = await opened.fetchval("SHOW server_version")
        durable = [await opened.fetchval(f"SHOW {name}") for name in ("fsync", "synchronous_commit")]
    sync = milliseconds(fdatasync_seconds(directory, scale.of(500)))
    command = shlex.join(["python", "-m", program, *sys.argv[1:]])
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, `{command}`: {os.cpu_count()} cores, {memory_gib():.0f} GiB, "
        f"{platform.system()} {platform.machine()}, {filesystem(directory)}, Python {platform.python_version()}, "
        f"PostgreSQL {version} (fsync {durable[0]}, synchronous_commit {durable[1]}), fdatasync {sync} (median)"
    )


async def measure_all(
    program: str, measures: Mapping[str, Measure], server: str, directory: Path, scale: Scale
) -> None:
    """Take the measures and print the table; how it goes is told on standard error."""
    rows: list[Row] = []
    head = await describe(program, server, directory, scale)
    for name, measure in measures.items():
        started = perf_counter()
        rows += await measure(server, scale)
        print(f"{name}: {perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
    print(f"{head}; at the end {milliseconds(fdatasync_seconds(directory, scale.of(500)))}\n\n{render(rows)}")


def main(program: str, measures: Mapping[str, Measure]) -> None:
    """Run a bench."""
    given = read_arguments(program, measures)
    chosen = {name: measures[name] for name in given.only.split(",")}
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # what is told here is the table
    directory = Path(tempfile.mkdtemp(prefix="baton-bench-", dir=given.directory))
    try:
        filesystem(directory)
        with EmbeddedPostgres(directory / "postgres", durable=True) as server:
            asyncio.run(measure_all(program, chosen, server, directory, Scale(quick=given.quick)))
    finally:
        shutil.rmtree((directory / "postgres" / "cluster").resolve(), ignore_errors=True)
        shutil.rmtree(directory)


if __name__ == "__main__":
    main("bench.log", MEASURES)
