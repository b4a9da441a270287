"""Telling people what a model writes while it writes it; nothing of it is kept, and any of it may be lost."""

from datetime import UTC, datetime

import structlog

from baton_contracts.parts import TOPIC, MessagePart
from baton_contracts.project import Task
from baton_runtime.bus import Bus

log = structlog.get_logger("baton.telling")


def tell(bus: Bus, task: Task, text: str) -> None:
    """Broadcast the next part of a task's message; never raises, and drops what is empty or no text (half a pair)."""
    if not text:
        return
    try:
        body = MessagePart(
            project_id=task.handoff.project_id,
            task_id=task.created.task_id,
            agent_type=task.created.agent_type,
            attempt=task.attempt,
            message=text,
            timestamp=datetime.now(UTC),
        ).model_dump_json()
    except ValueError as error:
        log.warning("part_not_told", task_id=str(task.created.task_id), error=type(error).__name__)
    else:
        bus.broadcast(TOPIC, body.encode())
