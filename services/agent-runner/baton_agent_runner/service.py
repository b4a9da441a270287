"""Takes handoffs from the agents' queues, works on many at once, and writes what came of each.

A handoff is acknowledged when `task_start` is durable, not when the model has answered: a call can outlast any
broker's patience. From then on the runner's heartbeat vouches for the task: when the runner dies, the
orchestrator dispatches it again under the next attempt, and what this runner still answers is refused. While it lives
it ends whatever it began: a task that it left at work would stand for ever. What somebody else ended it stops.
"""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from baton_agent_runner.calls import Calls
from baton_agent_runner.decide import EndTask, ReportProgress, decide
from baton_agent_runner.embedded.model import EmbeddedModel
from baton_agent_runner.model import Model
from baton_agent_runner.telling import tell
from baton_agent_runner.work import Work
from baton_contracts.commands import StartTask
from baton_contracts.definitions import Definitions
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
        self.calls = Calls()
        self._bus = host.bus
        self._definitions = definitions
        self._model = model
        self._tasks = tasks
        self._slots = asyncio.Semaphore(host.settings.runner_concurrency)
        self._at_work: set[tuple[UUID, int]] = set()

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
                settled = await self.loop.ask(handoff)
                if not settled.events and not settled.reply.problem:  # a repeat: look what came of it
                    settled = await self.loop.ask(replace(handoff, id=None, delivery=None))
                cause = settled.events[0].id if settled.events else handoff.id
                await self._take_up(settled.state, replace(handoff, causation_id=cause, delivery=None))
            except Exception:  # one task's fault must not end the others
                log.exception("handoff_failed", message_id=str(handoff.id))

    async def _take_up(self, state: Project, handoff: Inbound) -> None:
        """Work on the task if it was started for this runner, and is not at work here already."""
        start = handoff.what
        assert isinstance(start, StartTask)  # noqa: S101 (`handoff_of` made it)
        task, attempt = state.tasks.get(start.task_id), (start.task_id, start.attempt)
        if task is None or not self._holds(task, start.attempt) or task.status != "working" or attempt in self._at_work:
            return
        self._at_work.add(attempt)
        try:
            await self._work(state, handoff, task)
        finally:
            self._at_work.discard(attempt)

    def _holds(self, task: Task, attempt: int) -> bool:
        """Tell whether the newest attempt at this task is this one, begun by this runner."""
        return (task.attempt, task.runner_id) == (attempt, self.id)

    async def _work(self, state: Project, handoff: Inbound, task: Task) -> None:
        """Do the task that was started and write how it ended, whatever happens, unless somebody else has."""
        progress, say = partial(self._progress, handoff, task), partial(self._say, task)
        work = Work(state, task, self._definitions, self.id, self._model, progress, say)
        try:
            end = await self.calls.run(work)
            if end is None:
                log.info("work_stopped", task_id=str(task.created.task_id), attempt=task.attempt)
                return
            ended = await self._end(handoff, end)
        except Exception as error:
            log.exception("work_not_written", task_id=str(task.created.task_id))
            ended = await self._end(handoff, work.broken(error))
        if ended.reply.problem:  # too large, or not to be stored
            ended = await self._end(handoff, work.failed(ended.reply.problem.detail))
        if not ended.events and not self._has_ended(ended.state, task):
            log.warning("fenced", task_id=str(task.created.task_id), attempt=task.attempt)

    def _has_ended(self, state: Project, task: Task) -> bool:
        """Tell whether the log has our end of this attempt: it was written, and the answer to that was lost."""
        now = state.tasks.get(task.created.task_id)
        return now is not None and self._holds(now, task.attempt) and now.status != "working"

    async def _end(self, handoff: Inbound, end: EndTask) -> Settled:
        return await self.loop.ask(replace(handoff, id=None, what=end))

    def _progress(self, handoff: Inbound, task: Task, progress: int, stage: str) -> None:
        task_id = task.created.task_id
        report = ReportProgress(
            project_id=handoff.project_id,
            task_id=task_id,
            attempt=task.attempt,
            runner_id=self.id,
            progress=progress,
            stage=stage,
        )
        self.loop.put(replace(handoff, id=derive_id(task_id, f"progress:{task.attempt}:{stage}"), what=report))

    def _say(self, task: Task, text: str) -> None:
        if (task.created.task_id, task.attempt) in self._at_work:  # a call that was stopped says nothing more
            tell(self._bus, task, text)


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
                tasks.create_task(runner.calls.watch(host.pool))
                await runner.loop.run()
            finally:
                await _retire(host, runner.id)


async def _retire(host: Host, runner_id: UUID) -> None:
    try:
        await host.pool.execute(QUERIES["retire"], runner_id, timeout=2)
    except UNAVAILABLE:
        log.warning("not_retired", runner_id=str(runner_id))  # the silence of its heartbeat will tell
