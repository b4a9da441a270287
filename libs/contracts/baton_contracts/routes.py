"""Who must react to which event: the one table that the relay publishes by and the reconciler checks against.

A consumer has settled an event when its inbox holds the event's id, whatever it decided. What is routed here
and not settled is outstanding, and is sent again.
"""

from collections.abc import Mapping
from typing import Final

from baton_contracts.events import Payload, TaskCreated, TaskDispatched

RUNNER: Final = "agent-runner"
ORCHESTRATOR: Final = "orchestrator"
HITL: Final = "hitl"
ARTIFACTS: Final = "artifacts"

CONSUMERS: Final[Mapping[str, str]] = {
    "task_created": RUNNER,
    "task_dispatched": RUNNER,
    "task_complete": ORCHESTRATOR,
    "task_failed": ORCHESTRATOR,
    "hitl_response": ORCHESTRATOR,
    "project_completed": ARTIFACTS,
}

SERVICE_QUEUES: Final = (ORCHESTRATOR, HITL, ARTIFACTS)


def agent_queue(agent_type: str) -> str:
    """Return the queue that the runners of an agent type share."""
    return f"agent.{agent_type}"


def queue_of(payload: Payload) -> str | None:
    """Return the queue that an event goes to, or None where nobody has to react."""
    if isinstance(payload, TaskCreated | TaskDispatched):
        return agent_queue(payload.agent_type)
    return CONSUMERS.get(payload.event_type)
