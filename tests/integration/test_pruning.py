"""The inbox forgets by age, and nothing else."""

from uuid import uuid4

import pytest

from baton_orchestrator import reconciler
from baton_orchestrator.reconciler import prune_some
from support.logs import command, open_log


async def test_what_was_settled_long_ago_is_forgotten(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some at a time; what is younger than a week still gets its first answer again."""
    monkeypatch.setattr(reconciler, "_PRUNED_AT_ONCE", 2)
    async with open_log(database) as log:
        old = [command(uuid4(), message_id=uuid4()) for _ in range(3)]
        young = command(uuid4(), message_id=uuid4())
        await log.append(*old, young)
        await log.pool.execute(
            "UPDATE inbox SET settled_at = settled_at - interval '8 days' WHERE message_id <> $1", young.message_id
        )
        assert await prune_some(log.pool)
        assert not await prune_some(log.pool)
        assert await log.pool.fetchval("SELECT array_agg(message_id) FROM inbox") == [young.message_id]
        (again,) = await log.append(young)
        assert again.kind == "duplicate"
