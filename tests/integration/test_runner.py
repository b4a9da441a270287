"""A runner ends whatever it began, whatever becomes of the model, of its answer and of the log's answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from baton_agent_runner import calls as calls_at_work
from baton_agent_runner import work
from baton_agent_runner.decide import EndTask
from baton_agent_runner.model import Answer, ModelRefused, Question, Say
from baton_agent_runner.service import Runner, handoff_of
from baton_contracts.commands import CreateProject
from baton_contracts.events import TaskCreated, TaskDispatched
from baton_contracts.handoffs import SoftwareSpecification
from baton_contracts.project import Project
from baton_contracts.routes import agent_queue
from baton_eventlog.reader import read
from baton_eventlog.sql import QUERIES
from baton_orchestrator.decide import decide as orchestrate
from baton_runtime.bus import Delivery, MemoryBus
from baton_runtime.definitions import load_definitions
from baton_runtime.host import Host, open_host
from baton_runtime.loop import Decision, Settled
from baton_runtime.messages import Inbound, event_message
from baton_runtime.settings import Settings
from support.logs import command
from support.stage import CORE
from support.stories import PROJECT, OneWorkflow, only, origin, started
from support.waiting import eventually, until

ENDED = "SELECT event_type, payload ->> 'reason' AS reason FROM event_log WHERE event_type IN ('task_complete', $1)"
TOO_SLOW = "SELECT pg_sleep(5), $1::uuid[], $2::int[]"
CALLS = """
SELECT payload ->> 'provider', payload ->> 'model', payload ->> 'outcome' FROM event_log WHERE event_type = 'llm_call'
"""
SPECIFICATION = SoftwareSpecification(
    requirements=["one"], user_stories=["two"], high_level_features=["three"], core_idea="An idea"
)


@dataclass
class Scripted:
    """A model with one message; `hold` keeps it from answering, `fault` is what it raises instead."""

    message: str = "Specified"
    hold: asyncio.Event | None = None
    fault: Exception | None = None
    asked: list[Question] = field(default_factory=list)
    provider: str = "test"
    name: str = "scripted"

    async def answer(self, question: Question, _: Say) -> Answer:
        self.asked.append(question)
        if self.hold:
            await self.hold.wait()
        if self.fault:
            raise self.fault
        return Answer(SPECIFICATION, {}, self.message, self.provider, self.name, input_tokens=1, output_tokens=1)


@dataclass
class Desk:
    """A runner, and the handoffs that wait for it."""

    host: Host
    runner: Runner
    arrived: list[Delivery]

    async def ended(self) -> tuple[str, str]:
        """Wait until the task has ended; give how, and why."""

        async def there() -> bool:
            return bool(await self.host.pool.fetch(ENDED, "task_failed"))

        await eventually(there)
        (row,) = await self.host.pool.fetch(ENDED, "task_failed")
        return row["event_type"], row["reason"] or ""


@contextlib.asynccontextmanager
async def desk(host: Host, model: Scripted) -> AsyncIterator[Desk]:
    """Run a runner; one task of a new project was handed over to it."""
    arrived = list[Delivery]()
    create = CreateProject(
        project_id=PROJECT, name="N", product_idea="I", tenant="default", workflow_id="two-steps", team_id=None
    )
    append = command(PROJECT, *orchestrate(Project(), create, origin("create"), OneWorkflow()))
    (outcome,) = await host.appender.append([append])
    assert not isinstance(outcome, Exception)
    (created,) = [event for event in outcome.events(append) if isinstance(event.payload, TaskCreated)]
    queue = agent_queue(only(tuple(event.payload for event in append.events), TaskCreated).agent_type)
    async with asyncio.TaskGroup() as tasks:
        runner = Runner(host, load_definitions(CORE).definitions, model, tasks)
        running = tasks.create_task(runner.loop.run())
        await host.bus.consume(queue, arrived.append, prefetch=4)
        await host.bus.publish([(queue, event_message(created))])
        await until(lambda: bool(arrived))
        yield Desk(host, runner, arrived)
        running.cancel()


@pytest.fixture
async def host(database: str, tmp_path: Path) -> AsyncIterator[Host]:
    async with open_host(Settings(data_dir=tmp_path), database, MemoryBus()) as opened:
        yield opened


async def test_an_answer_that_is_no_json_fails_the_task_in_plain_words(host: Host) -> None:
    async with desk(host, Scripted("half a \ud83d")) as on:
        on.runner.take(on.arrived[0])
        how, why = await on.ended()
    assert how == "task_failed"
    assert why.startswith("A task_complete event cannot be written as JSON (UnicodeEncodeError")


async def test_a_model_that_never_answers_fails_the_task(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_MINUTES", 0.005)
    async with desk(host, Scripted(hold=asyncio.Event())) as on:
        on.runner.take(on.arrived[0])
        assert await on.ended() == ("task_failed", "The model did not answer within 0.005 minutes")
    assert await calls(host) == [("test", "scripted", "error")]


async def test_a_model_that_breaks_fails_the_task_and_is_seen_to_be_broken(host: Host) -> None:
    async with desk(host, Scripted(fault=ConnectionError("nobody there"))) as on:
        on.runner.take(on.arrived[0])
        how, why = await on.ended()
    assert (how, "ConnectionError" in why) == ("task_failed", True)
    assert await calls(host) == [("test", "scripted", "error")]


async def test_a_model_that_refuses_in_plain_words_is_well(host: Host) -> None:
    async with desk(host, Scripted(fault=ModelRefused("The idea has no words"))) as on:
        on.runner.take(on.arrived[0])
        assert await on.ended() == ("task_failed", "The idea has no words")
    assert await calls(host) == []


async def calls(host: Host) -> list[tuple[str, str, str]]:
    """Return the calls that are kept: provider, model, outcome."""
    return [tuple(row) for row in await host.pool.fetch(CALLS)]


@pytest.mark.parametrize("broken", ["question_of", "decision"])
async def test_a_fault_of_ours_fails_the_task(host: Host, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """Before the model is asked, and when its answer is decided on."""

    def fault(*_: object) -> None:
        raise KeyError("nobody thought of this")

    async with desk(host, Scripted()) as on:
        if broken == "question_of":
            monkeypatch.setattr(work, "question_of", fault)
        else:
            once(monkeypatch, on.runner, fault)
        on.runner.take(on.arrived[0])
        assert await on.ended() == ("task_failed", "The work broke off with KeyError; the runner's log has more")


def once(monkeypatch: pytest.MonkeyPatch, runner: Runner, fault: Callable[[], object]) -> None:
    """Let the first decision on an end fail."""
    decide, faults = runner.loop._decide, [fault]

    def faulty(state: Project, inbound: Inbound) -> Decision:
        if isinstance(inbound.what, EndTask) and faults:
            faults.pop()()
        return decide(state, inbound)

    monkeypatch.setattr(runner.loop, "_decide", faulty)


async def test_a_start_whose_answer_was_lost_is_worked_on_when_its_handoff_comes_again(host: Host) -> None:
    async with desk(host, Scripted()) as on:
        await on.runner.loop.ask(handoff_of(on.arrived[0], on.runner.id))
        on.runner.take(on.arrived[0])
        assert await on.ended() == ("task_complete", "")


async def test_a_handoff_that_comes_again_during_the_work_is_not_worked_on_twice(host: Host) -> None:
    model = Scripted(hold=asyncio.Event())
    async with desk(host, model) as on:
        on.runner.take(on.arrived[0])
        await until(lambda: bool(model.asked))
        assert model.hold
        await on.runner._handle(handoff_of(on.arrived[0], on.runner.id))
        model.hold.set()
        assert await on.ended() == ("task_complete", "")
    assert len(model.asked) == 1


async def test_our_own_end_whose_answer_was_lost_is_no_fencing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(host, Scripted()) as on:
        ask = on.runner.loop.ask

        async def ask_twice(inbound: Inbound) -> Settled:
            if isinstance(inbound.what, EndTask):
                await ask(inbound)
            return await ask(inbound)

        monkeypatch.setattr(on.runner.loop, "ask", ask_twice)
        assert await fenced(on) == 0
        assert await on.ended() == ("task_complete", "")


async def test_an_answer_that_comes_after_another_attempt_began_is_fenced(host: Host) -> None:
    model = Scripted(hold=asyncio.Event())
    async with desk(host, model) as on:
        handling = asyncio.create_task(fenced(on))
        await until(lambda: bool(model.asked))
        look = replace(handoff_of(on.arrived[0], on.runner.id), id=None)
        (task,) = (await on.runner.loop.ask(look)).state.tasks.values()
        again = TaskDispatched(
            task_id=task.created.task_id,
            agent_type=task.created.agent_type,
            attempt=2,
            gate=True,
            reason="lost",
            handoff=task.handoff,
        )
        await host.appender.append([command(PROJECT, again, started(task.created, 2, UUID(int=9)))])
        assert model.hold
        model.hold.set()
        assert await handling == 1


def next_attempt(task: TaskCreated) -> TaskDispatched:
    return TaskDispatched(
        task_id=task.task_id, agent_type=task.agent_type, attempt=2, gate=True, reason="lost", handoff=task.handoff
    )


@contextlib.asynccontextmanager
async def watched(on: Desk, model: Scripted) -> AsyncIterator[asyncio.Task[None]]:
    """Work on the handoff under a watch; nobody but the test keeps the tables up to date."""
    handling = asyncio.create_task(on.runner._handle(handoff_of(on.arrived[0], on.runner.id)))
    watching = asyncio.create_task(on.runner.calls.watch(on.host.pool))
    await until(lambda: bool(model.asked))
    try:
        yield handling
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def show(host: Host, after: int = 0) -> int:
    """Bring the tables from a position up to the head; return that."""
    await host.pool.execute("SELECT project_range($1, position) FROM log_head", after)
    return int(await host.pool.fetchval(QUERIES["head"]))


async def test_a_call_is_stopped_when_the_tables_show_that_the_task_went_to_another(host: Host) -> None:
    """Not before: a table that lags behind says nothing. What was stopped writes nothing."""
    model = Scripted(hold=asyncio.Event())
    async with desk(host, model) as on, watched(on, model) as handling:
        await asyncio.sleep(0.6)  # the task is in no table yet
        shown = await show(host)
        await asyncio.sleep(0.6)  # it is this runner's
        (task,) = [event for event in await read(host.pool, 0, 100) if isinstance(event.payload, TaskCreated)]
        assert isinstance(task.payload, TaskCreated)
        await host.appender.append([command(PROJECT, next_attempt(task.payload))])
        await asyncio.sleep(0.6)  # it is not, but no table says so
        assert not handling.done()
        with capture_logs() as said:
            await show(host, shown)
            await asyncio.wait_for(handling, 2)
        assert [line["event"] for line in said if line["log_level"] != "debug"] == ["work_stopped"]
        assert [event.type for event in await read(host.pool, 0, 100)][-1] == "task_dispatched"


async def test_a_watch_outlives_an_outage_and_stops_nothing_for_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Scripted(hold=asyncio.Event())
    monkeypatch.setitem(QUERIES, "ended_elsewhere", TOO_SLOW)
    monkeypatch.setattr(calls_at_work, "_DEADLINE", 0.05)
    async with desk(host, model) as on, watched(on, model) as handling:
        with capture_logs() as said:
            await until(lambda: [line["event"] for line in said].count("watch_waits_for_postgresql") > 1)
        assert model.hold
        model.hold.set()
        await handling
        assert await on.ended() == ("task_complete", "")


async def test_a_runner_without_work_looks_for_nothing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(QUERIES, "ended_elsewhere")
    async with desk(host, Scripted()) as on:
        await on.runner.calls._look(host.pool)


async def fenced(on: Desk) -> int:
    """Work on the handoff; tell how often fencing was said."""
    with capture_logs() as said:
        await on.runner._handle(handoff_of(on.arrived[0], on.runner.id))
    return [line["event"] for line in said].count("fenced")
