"""A project's life, told on by orders, agents and people, with the orchestrator's reactions in between."""

from dataclasses import dataclass, field

from baton_contracts import events as e
from baton_contracts.commands import Command
from baton_contracts.handoffs import Json
from baton_contracts.project import Project
from baton_orchestrator.decide import decide
from baton_orchestrator.results import result_of
from baton_orchestrator.steps import Payloads
from support.stories import OneWorkflow, completed, fold, origin, started
from support.tales import CREATE


@dataclass
class Life:
    """A story so far; whatever is decided is added to it and returned."""

    catalog: OneWorkflow = field(default_factory=OneWorkflow)
    story: Payloads = ()

    @property
    def state(self) -> Project:
        """The state after the story."""
        return fold(*self.story)

    def tell(self, *payloads: e.Payload) -> None:
        """Add what happened, without a reaction."""
        self.story = (*self.story, *payloads)

    def decide(self, what: Command | e.Payload) -> Payloads:
        """Add what an order or an event leads to."""
        decided = decide(self.state, what, origin(f"message {len(self.story)}"), self.catalog)
        self.tell(*decided)
        return decided

    def result(self, command: Command) -> Json:
        """Give an order; return its result."""
        self.decide(command)
        result = result_of(command, self.state)
        assert result is not None
        return result

    def happen(self, *payloads: e.Payload) -> Payloads:
        """Add what happened; return the reaction to the last of it."""
        self.tell(*payloads)
        return self.decide(payloads[-1])

    def newest(self, agent: str = "") -> e.TaskCreated:
        """Return the task that was created last, for an agent if one is named."""
        found = [one for one in self.story if isinstance(one, e.TaskCreated) and agent in ("", one.agent_type)]
        return found[-1]

    def work(self, task: e.TaskCreated) -> Payloads:
        """Have an agent do a task; return the reaction."""
        now = self.state.tasks[task.task_id]
        return self.happen(started(task, now.attempt), completed(task, now.attempt, gate=now.gate))

    def fail(self, task: e.TaskCreated) -> Payloads:
        """Have an agent fail; return the reaction."""
        attempt = self.state.tasks[task.task_id].attempt
        failed = e.TaskFailed(task_id=task.task_id, agent_type=task.agent_type, attempt=attempt, reason="no model")
        return self.happen(started(task, attempt), failed)

    def answer(self, action: e.Action, words: str = "words") -> Payloads:
        """Have a person answer the request that waits; return the reaction."""
        (asked,) = [one.asked for one in self.state.requests.values() if one.status == "pending"]
        return self.happen(
            e.HitlResponse(
                request_id=asked.request_id,
                task_id=asked.task_id,
                agent_type=asked.agent_type,
                action=action,
                response=words,
            )
        )


def begun(catalog: OneWorkflow | None = None) -> Life:
    """Return a project whose first task is pending."""
    life = Life(catalog or OneWorkflow())
    life.decide(CREATE)
    return life


def in_review() -> Life:
    """Return a project that waits for a person."""
    life = begun()
    life.work(life.newest())
    return life


def at_last_step() -> Life:
    """Return a project whose last task is pending."""
    life = in_review()
    life.answer("approved")
    return life


def complete() -> Life:
    """Return a project that is complete."""
    life = at_last_step()
    life.work(life.newest())
    return life


def failed() -> Life:
    """Return a project whose first agent failed."""
    life = begun()
    life.fail(life.newest())
    return life
