"""Takes the order to reset an agent: what it holds is dispatched again first, then the log says that it is idle.

An agent's tasks are many projects', so each is a command of its own, decided on its project. Their ids follow from
the order's, so an order that comes again dispatches nothing twice; one that was settled gets its answer again.
"""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from baton_contracts.commands import ReplaceRunner, ResetAgent
from baton_contracts.ids import derive_id
from baton_contracts.routes import ORCHESTRATOR
from baton_eventlog.sql import QUERIES
from baton_orchestrator.agents import RecordReset
from baton_runtime.bus import Delivery
from baton_runtime.loop import Loop
from baton_runtime.messages import Inbound, MalformedMessage, inbound_of

log = structlog.get_logger("baton.resets")
_PAUSE: Final = 1.0  # seconds before a delivery goes back: an outage must not use up its deliveries at once


class Resets:
    """Resets agents, each order in a task of its own, so that other deliveries do not wait for it."""

    def __init__(self, pool: asyncpg.Pool, loop: Loop, agents: Collection[str], tasks: asyncio.TaskGroup) -> None:
        self._pool = pool
        self._loop = loop
        self._agents = agents
        self._tasks = tasks

    def take(self, delivery: Delivery) -> None:
        """Take a delivery off the bus; whatever is no reset goes straight to the loop."""
        if delivery.message.type == ResetAgent.command_type:
            self._tasks.create_task(self._settle(delivery))
        else:
            self._loop.take(delivery)

    async def _settle(self, delivery: Delivery) -> None:
        """Have a reset done, then recorded and answered by the loop; after a fault of ours it goes back to the bus."""
        try:
            self._loop.put(await self._done(inbound_of(delivery)))
        except MalformedMessage as error:
            log.warning("malformed_message", reason=str(error))
            delivery.reject(str(error))
        except Exception as error:
            log.exception("reset_failed", message_id=str(delivery.message.id))
            await asyncio.sleep(_PAUSE)
            delivery.reject(type(error).__name__)

    async def _done(self, order: Inbound) -> Inbound:
        """Return the order with what it came to in the place of what was asked."""
        reset = order.what
        assert isinstance(reset, ResetAgent)  # noqa: S101 (`take` looked at the type)
        known = reset.agent_type in self._agents
        tasks = await self._dispatch_again(order, reset.agent_type) if known else ()
        record = RecordReset(project_id=reset.project_id, agent_type=reset.agent_type, tasks=tasks)
        return replace(order, what=record)

    async def _dispatch_again(self, order: Inbound, agent_type: str) -> tuple[UUID, ...]:
        """Dispatch again what the agent works on; return those tasks. Nothing where the order was settled before."""
        if await self._pool.fetchval(QUERIES["is_settled"], ORCHESTRATOR, order.id):
            return ()
        held = await self._pool.fetch(QUERIES["held_by"], agent_type)
        settled = await asyncio.gather(*(self._loop.ask(_replacement(order, row)) for row in held))
        return tuple(row["task_id"] for row, one in zip(held, settled, strict=True) if one.events)


def _replacement(order: Inbound, row: asyncpg.Record) -> Inbound:
    assert order.id  # noqa: S101 (it came over the bus)
    command = ReplaceRunner(
        project_id=row["project_id"],
        task_id=row["task_id"],
        attempt=row["attempt"],
        runner_id=row["runner_id"],
        reason="The agent was reset",
    )
    task_id, project_id = row["task_id"], row["project_id"]
    return replace(
        order,
        id=derive_id(order.id, f"reset:{task_id}"),
        project_id=project_id,
        what=command,
        request_hash="",
        delivery=None,
    )
