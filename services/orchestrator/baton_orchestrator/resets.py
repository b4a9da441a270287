"""Takes the order to reset an agent: what it holds is dispatched again first, then the log says that it is idle.

An agent's tasks are many projects', so each is a command of its own, decided on its project. Which tasks an order is
about is kept when it first comes, and the commands' ids follow from its own: an order that comes again, or went to two
replicas at once, is about the same tasks and dispatches none twice; one that was settled gets its answer again.
"""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

import asyncpg

from baton_contracts.commands import Command, ReplaceRunner, ResetAgent
from baton_contracts.ids import derive_id
from baton_contracts.routes import ORCHESTRATOR
from baton_eventlog.sql import QUERIES
from baton_orchestrator.agents import BeginReset, RecordReset
from baton_runtime.bus import Delivery
from baton_runtime.loop import Loop
from baton_runtime.messages import Inbound, inbound_of
from baton_runtime.settling import settle


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
            self._tasks.create_task(settle(delivery, self._reset))
        else:
            self._loop.take(delivery)

    async def _reset(self, delivery: Delivery) -> None:
        """Have a reset done, then recorded and answered by the loop."""
        self._loop.put(await self._done(inbound_of(delivery)))

    async def _done(self, order: Inbound) -> Inbound:
        """Return the order with what it came to in the place of what was asked."""
        reset = order.what
        assert isinstance(reset, ResetAgent)  # noqa: S101 (`take` looked at the type)
        known = reset.agent_type in self._agents
        tasks = await self._dispatch_again(order, reset) if known else ()
        record = RecordReset(project_id=reset.project_id, agent_type=reset.agent_type, tasks=tasks, tenant=reset.tenant)
        return replace(order, what=record)

    async def _dispatch_again(self, order: Inbound, reset: ResetAgent) -> tuple[UUID, ...]:
        """Dispatch again what the agent works on; return those tasks. Nothing where the order was settled before."""
        if await self._pool.fetchval(QUERIES["is_settled"], ORCHESTRATOR, order.id):
            return ()
        orders = await self._orders(order, reset)
        asked = (self._loop.ask(_part_of(order, one, f"reset:{one.task_id}")) for one in orders)
        results = [settled.reply.result or {} for settled in await asyncio.gather(*asked)]
        return tuple(one.task_id for one, result in zip(orders, results, strict=True) if result.get("dispatched"))

    async def _orders(self, order: Inbound, reset: ResetAgent) -> tuple[ReplaceRunner, ...]:
        """Return what is to be ordered of each task that the agent worked on when this was asked first."""
        held = await self._pool.fetch(QUERIES["held_by"], reset.agent_type, reset.tenant)
        begin = BeginReset(project_id=reset.project_id, orders=tuple(map(_replacement, held)))
        settled = await self._loop.ask(_part_of(order, begin, f"reset:{reset.agent_type}"))
        if settled.reply.problem:
            raise settled.reply.problem.refusal()
        kept = BeginReset.model_validate({"project_id": reset.project_id, **(settled.reply.result or {})})
        return kept.orders


def _replacement(row: asyncpg.Record) -> ReplaceRunner:
    return ReplaceRunner(
        project_id=row["project_id"],
        task_id=row["task_id"],
        attempt=row["attempt"],
        runner_id=row["runner_id"],
        reason="The agent was reset",
    )


def _part_of(order: Inbound, command: Command, name: str) -> Inbound:
    """Return one of the commands that an order comes to; its id follows from the order's."""
    assert order.id  # noqa: S101 (it came over the bus)
    part = derive_id(order.id, name)
    return replace(order, id=part, project_id=command.project_id, what=command, request_hash="", delivery=None)
