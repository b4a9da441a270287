"""Whether the projected tables show what the log says: filled again aside, and compared row by row.

Both are read in one snapshot, in which the live tables and their checkpoint belong together, so they stand at the
same position and nobody is locked out. Nothing that serves is changed.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson

from baton_eventlog.aside import HOURS, STATEMENTS, Aside, Report, open_aside

SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of a table that the log tells otherwise; None where one of the two has no such row."""

    table: str
    id: UUID
    expected: dict[str, Any] | None
    found: dict[str, Any] | None

    def __str__(self) -> str:
        """Say it in a line."""
        if self.expected is None:
            return f"{self.table} {self.id}: the log knows no such row"
        if self.found is None:
            return f"{self.table} {self.id}: the row is missing"
        found = self.found
        wrong = [
            f"{name} is {orjson.dumps(found[name]).decode()}, the log says {orjson.dumps(value).decode()}"
            for name, value in self.expected.items()
            if found[name] != value
        ]
        return f"{self.table} {self.id}: {'; '.join(wrong)}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out: up to which position, how many rows differ, and the first of them, ten a table at most."""

    position: int
    total: int
    first: tuple[Difference, ...]


async def compare(dsn: str, report: Report, projection: str | None = None) -> Comparison:
    """Compare all projected tables, or one, with the log. Raises `RebuildRefused`, or one of `UNAVAILABLE`."""
    async with open_aside(dsn, report) as aside:
        tables = [projection] if projection else aside.tables
        aside.require(*tables)
        await aside.fill()
        async with aside.connection.transaction(isolation="repeatable_read"):
            shown = await aside.shown()
            await aside.project(shown, shown)
            found = [await _differences(aside, table) for table in tables]
        first = tuple(difference for _, differences in found for difference in differences)
        return Comparison(aside.position, sum(total for total, _ in found), first)


async def _differences(aside: Aside, table: str) -> tuple[int, list[Difference]]:
    statement = STATEMENTS["differences"].format(table=table)
    rows = await aside.connection.fetch(statement, SHOWN, timeout=HOURS)
    differences = [Difference(table, row["id"], _read(row["expected"]), _read(row["found"])) for row in rows]
    return (rows[0]["total"] if rows else 0), differences


def _read(row: str | None) -> dict[str, Any] | None:
    return None if row is None else dict(orjson.loads(row))
