"""What agents do, counted one event after the other: a model of a few lines that the tables are held to."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from baton_contracts import events as e

Agent = tuple[str, str]
AFTER_RESPONSE = {"approved": "completed", "rejected": "failed", "amended": "waiting_for_hitl"}


@dataclass(frozen=True)
class Standing:
    """How an agent of a tenant stood after an event."""

    id: UUID
    tenant: str
    agent_type: str
    status: str
    task_id: UUID | None
    project_id: UUID
    task_status: str | None
    working: int
    waiting: int
    position: int
    timestamp: datetime
    current_task_id: UUID | None
    current_position: int  # since when


@dataclass
class Counting:
    """All tasks, and how all agents stand; `take` goes one event on."""

    tenants: dict[UUID, str] = field(default_factory=dict)
    tasks: dict[UUID, tuple[Agent, str, int]] = field(default_factory=dict)
    now: dict[Agent, Standing] = field(default_factory=dict)

    def take(self, event: e.Event) -> Iterator[Standing]:
        """Give how agents stand after an event, of those that it is about."""
        payload: Any = event.payload
        match payload:
            case e.ProjectCreated():
                self.tenants[event.project_id] = payload.tenant
            case e.TaskCreated():
                self.tasks[payload.task_id] = (self._agent(event), "pending", event.position)
            case e.TaskDispatched():
                yield self._moved(event, "pending")
            case e.TaskStart():
                yield self._moved(event, "working")
            case e.TaskComplete():
                yield self._moved(event, "waiting_for_hitl" if payload.awaits_review else "completed")
            case e.TaskFailed():
                yield self._moved(event, "failed", "idle" if payload.stopped else "error")
            case e.HitlResponse():
                yield self._moved(event, AFTER_RESPONSE[payload.action])
            case e.AgentReset():
                yield from [self._reset(event, agent) for agent in list(self.now) if is_meant(payload, agent)]

    def _agent(self, event: e.Event) -> Agent:
        return self.tenants[event.project_id], event.payload.agent_type  # type: ignore[attr-defined]

    def _moved(self, event: e.Event, status: str, otherwise: str = "idle") -> Standing:
        agent, task_id = self._agent(event), event.payload.task_id  # type: ignore[attr-defined]
        self.tasks[task_id] = (agent, status, event.position)
        counts = self._counts(agent)
        busy = next((one for one in ("working", "waiting_for_hitl") if counts[one]), otherwise)
        return self._stands(event, agent, event.id, busy, task_id, status)

    def _reset(self, event: e.Event, agent: Agent) -> Standing:
        row_id = UUID(hashlib.md5(f"{event.id}{agent[0]}".encode(), usedforsecurity=False).hexdigest())
        return self._stands(event, agent, row_id, "working" if self._counts(agent)["working"] else "idle")

    def _counts(self, agent: Agent) -> Counter[str]:
        return Counter(status for whose, status, _ in self.tasks.values() if whose == agent)

    def _stands(
        self,
        event: e.Event,
        agent: Agent,
        row_id: UUID,
        status: str,
        task_id: UUID | None = None,
        task_status: str | None = None,
    ) -> Standing:
        counts = self._counts(agent)
        at = [(position, key) for key, (whose, now, position) in self.tasks.items() if (whose, now) == (agent, status)]
        self.now[agent] = Standing(
            row_id,
            *agent,
            status,
            task_id,
            event.project_id,
            task_status,
            counts["working"],
            counts["waiting_for_hitl"],
            event.position,
            event.timestamp,
            max(at)[1] if at else None,
            max(at)[0] if at else 0,
        )
        return self.now[agent]


def is_meant(reset: e.AgentReset, agent: Agent) -> bool:
    return agent[1] == reset.agent_type and reset.tenant in (None, agent[0])


def counted(events: Sequence[e.Event]) -> tuple[list[Standing], Counting]:
    """Return every standing that these events led to, in order, and where it ends."""
    counting = Counting()
    return [standing for event in events for standing in counting.take(event)], counting
