"""Takes handoffs from the agents' queues, works on many at once, and writes what came of each.

A handoff is acknowledged when `task_start` is durable, not when the model has answered: a call can outlast any
broker's patience. From then on the runner's heartbeat vouches for the task: when the runner dies, the
orchestrator dispatches it again under the next attempt, and what this runner still answers is refused.
"""

import asyncio
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from baton_agent_runner.decide import EndTask, ReportProgress, decide
from baton_agent_runner.embedded.model import EmbeddedModel
from baton_agent_runner.model import Model
from baton_agent_runner.work import Work, question_of
from baton_contracts.commands import Command, StartTask
from baton_contracts.definitions import Definitions
from baton_contracts.events import Event, TaskStart
from baton_contracts.handoffs import HandoffSchema
from baton_contracts.ids import derive_id
from baton_contracts.project import Project, Task
from baton_contracts.routes import RUNNER, agent_queue
from baton_eventlog.database import UNAVAILABLE
from baton_eventlog.sql import QUERIES
from baton_runtime.bus import Delivery
from baton_runtime.definitions import find_core, load_definitions
from baton_runtime.host import Host
from baton_runtime.loop import Decision, Loop, Settled
from baton_runtime.messages import Inbound

log = structlog.get_logger("baton.runner")
_BEAT: Final = 1.0


def handoff_of(delivery: Delivery, runner_id: UUID) -> Inbound:
    """Return the start of the task that a handoff stands for. Raises `KeyError` or `ValueError`."""
    message = delivery.message
    correlation = message.headers.get("correlation_id")
    start = StartTask(
        project_id=UUID(str(message.headers["project_id"])),
        task_id=UUID(str(message.headers["task_id"])),
        attempt=int(message.headers["attempt"]),
        runner_id=runner_id,
        handoff=HandoffSchema.model_validate_json(message.body),
    )
    return Inbound(
        id=message.id,
        project_id=start.project_id,
        what=start,
        actor=f"runner:{runner_id}",
        causation_id=message.id,
        correlation_id=UUID(str(correlation)) if correlation else None,
        delivery=delivery,
    )


class Runner:
    """One process's tasks: those that wait for a slot, and those at work."""

    def __init__(self, host: Host, definitions: Definitions, model: Model, tasks: asyncio.TaskGroup) -> None:
        self.id = uuid7()
        self.loop = Loop(RUNNER, host.pool, host.appender, lambda state, inbound: Decision(decide(state, inbound.what)))
        self._definitions = definitions
        self._model = model
        self._tasks = tasks
        self._slots = asyncio.Semaphore(host.settings.runner_concurrency)

    def take(self, delivery: Delivery) -> None:
        """Take a handoff off the bus; it waits here, unacknowledged, until a slot is free."""
        try:
            handoff = handoff_of(delivery, self.id)
        except (KeyError, ValueError) as error:
            log.warning("malformed_handoff", error=type(error).__name__)
            delivery.reject(f"malformed handoff: {type(error).__name__}")
        else:
            self._tasks.create_task(self._handle(handoff))

    async def _handle(self, handoff: Inbound) -> None:
        async with self._slots:
            try:
                started = await self.loop.ask(handoff)
                for event in started.events:
                    if isinstance(event.payload, TaskStart):
                        await self._work(started.state, event, event.payload.task_id)
            except Exception:  # one task's fault must not end the others
                log.exception("handoff_failed", message_id=str(handoff.id))

    async def _work(self, state: Project, started: Event, task_id: UUID) -> None:
        """Do the task that was started and write how it ended."""
        task = state.tasks[task_id]
        question = question_of(state, task, self._definitions)
        work = Work(task, question, self.id, self._model, partial(self._progress, started, task))
        ended = await self._end(started, await work.run())
        if ended.reply.problem:  # too large, or not to be stored
            await self._end(started, work.failed(ended.reply.problem.detail))
        elif not ended.events:
            log.warning("fenced", task_id=str(task_id), attempt=task.attempt)

    async def _end(self, started: Event, end: EndTask) -> Settled:
        return await self.loop.ask(self._inbound(started, end, None))

    def _progress(self, started: Event, task: Task, progress: int, stage: str) -> None:
        task_id = task.created.task_id
        report = ReportProgress(
            project_id=started.project_id,
            task_id=task_id,
            attempt=task.attempt,
            runner_id=self.id,
            progress=progress,
            stage=stage,
        )
        self.loop.put(self._inbound(started, report, derive_id(task_id, f"progress:{task.attempt}:{stage}")))

    def _inbound(self, started: Event, what: Command, message_id: UUID | None) -> Inbound:
        return Inbound(
            id=message_id,
            project_id=started.project_id,
            what=what,
            actor=f"runner:{self.id}",
            causation_id=started.id,
            correlation_id=started.correlation_id,
        )


async def beat(host: Host, runner_id: UUID) -> None:
    """Keep the heartbeat moving for ever, however long PostgreSQL is away."""
    while True:
        await asyncio.sleep(_BEAT)
        try:
            await host.pool.execute(QUERIES["beat"], runner_id)
        except UNAVAILABLE as error:
            log.warning("heartbeat_waits_for_postgresql", error=type(error).__name__)


class AgentRunnerService:
    """Runs one handoff after the other, for every agent that the definitions name."""

    name = RUNNER

    async def run(self, host: Host) -> None:
        """Serve until cancelled; then give up what is at work at once, so that others take it over."""
        definitions = load_definitions(find_core(host.settings.core_path)).definitions
        async with asyncio.TaskGroup() as tasks:
            runner = Runner(host, definitions, EmbeddedModel(), tasks)
            await host.pool.execute(QUERIES["beat"], runner.id)
            try:
                queues = [agent_queue(agent) for agent in definitions.agents]
                await host.bus.declare(queues)
                for queue in queues:
                    await host.bus.consume(queue, runner.take, prefetch=host.settings.runner_concurrency)
                tasks.create_task(beat(host, runner.id))
                await runner.loop.run()
            finally:
                await _retire(host, runner.id)


async def _retire(host: Host, runner_id: UUID) -> None:
    try:
        await host.pool.execute(QUERIES["retire"], runner_id, timeout=2)
    except UNAVAILABLE:
        log.warning("not_retired", runner_id=str(runner_id))  # the silence of its heartbeat will tell
