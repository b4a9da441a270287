"""People stop agents on real services: cancelling stops a running model call, resetting hands its task over."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from baton_agent_runner.model import Answer, Question, Say
from baton_agent_runner.service import Runner
from baton_contracts import commands as c
from baton_contracts import events as e
from baton_contracts.ids import SYSTEM_STREAM
from baton_contracts.project import Project
from baton_contracts.routes import ORCHESTRATOR, agent_queue
from baton_eventlog.sql import QUERIES
from baton_orchestrator.decide import decide
from baton_runtime.definitions import load_definitions
from baton_runtime.loop import Loop, Settled
from baton_runtime.messages import Inbound, command_message
from support.stage import CORE, Stage, stage
from support.stories import RUNNER, OneWorkflow, only, origin, started
from support.tales import CREATE
from support.waiting import eventually, until

DISPATCHED = """
SELECT project_id, actor, payload ->> 'reason', (payload ->> 'attempt')::int, causation_id FROM event_log
 WHERE event_type = 'task_dispatched' ORDER BY position
"""
RESETS = "SELECT actor, payload FROM event_log WHERE event_type = 'agent_reset'"
TYPES = "SELECT event_type FROM event_log WHERE project_id = $1 ORDER BY position"
DONE = {"message": "Agent analyst status reset to idle", "status": "idle"}
RESET = c.ResetAgent(project_id=SYSTEM_STREAM, agent_type="analyst")


class Endless:
    """A model that never answers, and says when it is asked and when it is stopped."""

    provider = "test"
    name = "endless"

    def __init__(self) -> None:
        self.asked = self.stopped = 0

    async def answer(self, _: Question, __: Say) -> Answer:
        self.asked += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped += 1
        raise AssertionError


@pytest.fixture
async def on(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path) as open_stage:
        yield open_stage


async def order(on: Stage, command: c.Command, message_id: UUID | None = None) -> c.CommandReply:
    """Give an order as the gateway does; return the reply."""
    message = command_message(command, message_id or uuid4(), "admin")
    reply = await on.host.bus.request(ORCHESTRATOR, message, timeout=10)
    return c.CommandReply.model_validate_json(reply.body)


async def at_work(on: Stage, number: int, agent: str = "analyst", tenant: str = "default") -> e.TaskCreated:
    """Have an agent at work on a task of a new project, for a runner whose heart beats."""
    await on.host.pool.execute(QUERIES["beat"], RUNNER)
    project_id = UUID(int=number)
    create = CREATE.model_copy(update={"project_id": project_id, "tenant": tenant})
    created = decide(Project(), create, origin(f"create {number}"), OneWorkflow())
    task = only(created, e.TaskCreated).model_copy(update={"agent_type": agent})
    await on.tell(project_id, *created[:-1], task, started(task))
    return task


@contextlib.asynccontextmanager
async def runner(on: Stage, model: Endless) -> AsyncIterator[None]:
    """Run an agent-runner on a model."""
    definitions = load_definitions(CORE).definitions
    async with asyncio.TaskGroup() as tasks:
        one = Runner(on.host, definitions, model, tasks)
        await on.host.pool.execute(QUERIES["beat"], one.id)
        running = [tasks.create_task(one.loop.run()), tasks.create_task(one.calls.watch(on.host.pool))]
        for agent in definitions.agents:
            await on.host.bus.consume(agent_queue(agent), one.take, prefetch=4)
        yield
        for task in running:
            task.cancel()


async def test_cancelling_stops_a_running_model_call_within_a_second(on: Stage) -> None:
    model, project_id = Endless(), uuid4()
    create = CREATE.model_copy(update={"project_id": project_id, "workflow_id": "prototype"})
    with capture_logs() as said:
        async with runner(on, model):
            await order(on, create)
            await until(lambda: model.asked == 1)
            await on.shown()
            began = monotonic()
            reply = await order(on, c.CancelProject(project_id=project_id, reason="too slow"))
            await until(lambda: model.stopped == 1)
            assert monotonic() - began < 1
            await until(lambda: "work_stopped" in [line["event"] for line in said])
    assert reply.result == {"project_id": str(project_id), "status": "failed", "reason": "Cancelled: too slow"}
    types = [row["event_type"] for row in await on.host.pool.fetch(TYPES, project_id)]
    assert types[-3:] == ["task_start", "task_failed", "project_failed"]
    assert "fenced" not in [line["event"] for line in said]


async def test_a_task_that_is_pending_in_a_pause_is_done_after_it(on: Stage) -> None:
    """Its first delivery is ignored."""
    model, project_id = Endless(), uuid4()
    create = CREATE.model_copy(update={"project_id": project_id, "workflow_id": "prototype"})
    await order(on, create)
    await order(on, c.PauseProject(project_id=project_id))
    async with runner(on, model):
        await asyncio.sleep(0.5)
        assert model.asked == 0
        await order(on, c.ResumeProject(project_id=project_id))
        await until(lambda: model.asked == 1)
        await order(on, c.CancelProject(project_id=project_id, reason="enough"))
        await until(lambda: model.stopped == 1)


async def test_a_reset_hands_over_what_the_agent_held_once(on: Stage) -> None:
    """However often it is ordered under one id, also at once; and nothing of other agents."""
    first, second = await at_work(on, 1), await at_work(on, 2)
    await at_work(on, 3, "architect")
    message_id = uuid4()
    replies = await asyncio.gather(*(order(on, RESET, message_id) for _ in range(3)))
    await at_work(on, 4)
    replies.append(await order(on, RESET, message_id))
    assert [reply.result for reply in replies] == [DONE] * 4
    assert len({reply.position for reply in replies}) == 1
    assert sorted(map(tuple, await on.host.pool.fetch(DISPATCHED))) == [
        (UUID(int=1), "admin", "The agent was reset", 2, message_id),
        (UUID(int=2), "admin", "The agent was reset", 2, message_id),
    ]
    ((actor, payload),) = await on.host.pool.fetch(RESETS)
    reset = e.AgentReset.model_validate_json(payload)
    assert (actor, reset.agent_type) == ("admin", "analyst")
    assert set(reset.tasks) == {first.task_id, second.task_id}


async def test_a_reset_names_what_it_handed_over(on: Stage) -> None:
    tasks = [await at_work(on, 1), await at_work(on, 2)]
    assert (await order(on, RESET)).result == DONE
    ((_, payload),) = await on.host.pool.fetch(RESETS)
    assert e.AgentReset.model_validate_json(payload).tasks == tuple(task.task_id for task in tasks)


async def test_a_reset_that_stopped_halfway_names_all_and_takes_up_nothing_new(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had dispatched is not at work any more when it comes again, and what is at work since is not its own."""
    tasks = [await at_work(on, 1), await at_work(on, 2)]
    tries, asked = list[UUID](), Loop.ask

    async def ask(loop: Loop, inbound: Inbound) -> Settled:
        if isinstance(inbound.what, c.ReplaceRunner) and inbound.project_id == UUID(int=2) and not tries:
            tries.append(inbound.project_id)
            await at_work(on, 3)
            raise ConnectionError
        return await asked(loop, inbound)

    monkeypatch.setattr(Loop, "ask", ask)
    assert (await order(on, RESET)).result == DONE
    assert tries
    ((_, payload),) = await on.host.pool.fetch(RESETS)
    assert e.AgentReset.model_validate_json(payload).tasks == tuple(task.task_id for task in tasks)
    assert len(await on.host.pool.fetch(DISPATCHED)) == 2


async def test_a_reset_for_one_tenant_leaves_the_others_alone(on: Stage) -> None:
    await at_work(on, 1, tenant="others")
    mine = await at_work(on, 2, tenant="mine")
    assert (await order(on, RESET.model_copy(update={"tenant": "mine"}))).result == DONE
    ((_, payload),) = await on.host.pool.fetch(RESETS)
    assert e.AgentReset.model_validate_json(payload) == e.AgentReset(
        agent_type="analyst", tasks=(mine.task_id,), tenant="mine"
    )
    assert [row["project_id"] for row in await on.host.pool.fetch(DISPATCHED)] == [UUID(int=2)]


async def test_what_the_agent_holds_in_a_project_that_has_failed_is_handed_over_too(on: Stage) -> None:
    task = await at_work(on, 1)
    await on.tell(UUID(int=1), e.ProjectFailed(reason="Another execution's task failed"))
    assert (await order(on, RESET)).result == DONE
    ((_, payload),) = await on.host.pool.fetch(RESETS)
    assert e.AgentReset.model_validate_json(payload).tasks == (task.task_id,)


async def test_one_key_is_good_for_one_agent(on: Stage) -> None:
    message_id = uuid4()
    assert (await order(on, RESET, message_id)).result == DONE
    other = await order(on, RESET.model_copy(update={"agent_type": "architect"}), message_id)
    assert other.problem
    assert other.problem.status == 422


async def test_an_agent_that_nobody_defined_is_not_reset(on: Stage) -> None:
    reply = await order(on, RESET.model_copy(update={"agent_type": "poet"}))
    assert reply.problem
    assert (reply.problem.status, reply.problem.detail) == (404, "There is no agent poet.")


async def test_a_reset_that_meets_a_fault_is_tried_again_and_nobody_waits_for_it(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await at_work(on, 1)
    with monkeypatch.context() as broken, capture_logs() as said:
        broken.setitem(QUERIES, "held_by", "SELECT no_such_column, $1, $2")
        resetting = asyncio.create_task(order(on, RESET))
        await until(lambda: "delivery_failed" in [line["event"] for line in said])
        async with asyncio.timeout(0.9):  # it goes back to the bus after a second
            other = await order(on, c.CheckCompletion(project_id=UUID(int=1)))
        assert other.result
        assert not resetting.done()
    assert (await resetting).result == DONE

    async def is_dispatched() -> bool:
        return task.task_id in [row[0] for row in await on.host.pool.fetch("SELECT id FROM tasks WHERE attempt = 2")]

    await eventually(is_dispatched)
