"""What somebody with all rights over the database can do to the log: triggers off, and a statement."""

from typing import Final

from baton_eventlog.database import connect
from support.logs import Log

SWAP: Final = """
UPDATE event_log SET position = -position WHERE position IN ($1, $2);
UPDATE event_log SET position = CASE position WHEN -$1 THEN $2 ELSE $1 END WHERE position < 0
"""
REWRITE: Final = """
DO $do$
DECLARE
    before bytea := coalesce((SELECT hash FROM event_log WHERE position = $1 - 1), '\\x00');
    l      event_log;
BEGIN
    FOR l IN SELECT * FROM event_log WHERE position >= $1 ORDER BY position LOOP
        before := sha256(before || convert_to(log_body(l.position, l.version, l.id, l.project_id, l.event_type,
                  l.timestamp, l.actor, l.causation_id, l.correlation_id, l.schema_version, l.payload), 'UTF8'));
        UPDATE event_log SET hash = before WHERE position = l.position;
    END LOOP;
    UPDATE log_head SET hash = before;
END $do$
"""


async def tamper(log: Log, statements: str, *numbers: int) -> None:
    """Run statements on the log past its triggers; $1, $2, ... stand for numbers."""
    for n, number in enumerate(numbers, start=1):
        statements = statements.replace(f"${n}", str(number))
    tables = ("event_log", "log_seals")
    off = "; ".join(f"ALTER TABLE {table} DISABLE TRIGGER append_only" for table in tables)
    on = "; ".join(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only" for table in tables)
    await log.pool.execute(f"{off}; {statements}; {on}")


async def alter(log: Log, position: int) -> None:
    """Change one byte of a payload."""
    await tamper(
        log, """UPDATE event_log SET payload = payload || '{"message": "hellO"}' WHERE position = $1""", position
    )


async def rewrite(log: Log, position: int) -> None:
    """Change one byte of a payload, and recompute its hash and every later one."""
    await alter(log, position)
    await tamper(log, REWRITE, position)


async def truncate(log: Log, position: int) -> None:
    """Cut off what follows a position, and set the head back to it."""
    await tamper(
        log,
        "DELETE FROM event_log WHERE position > $1;"
        " UPDATE log_head h SET position = l.position, hash = l.hash FROM event_log l WHERE l.position = $1",
        position,
    )


async def lose(dsn: str, statement: str) -> None:
    """Do to the blobs what the database would not let anybody do, as the owner of the schema."""
    connection = await connect(dsn, name="test-tampering")
    try:
        await connection.execute("ALTER TABLE log_blobs DISABLE TRIGGER append_only")
        checks = await connection.fetch(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'log_blobs'::regclass AND contype = 'c'"
        )
        for check in checks:
            await connection.execute(f"ALTER TABLE log_blobs DROP CONSTRAINT {check['conname']}")
        await connection.execute(statement)
    finally:
        await connection.close()
