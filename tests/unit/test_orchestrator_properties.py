"""Whatever people order, agents do and the bus delays: a project that nobody cancelled can be brought to its end."""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from baton_agent_runner.decide import EndTask
from baton_agent_runner.decide import decide as run
from baton_contracts import commands as c
from baton_contracts import events as e
from baton_contracts.project import Task
from support.lives import Life, begun
from support.stories import PROJECT, RUNNER, completed

REACTED_TO = (e.TaskComplete, e.TaskFailed, e.HitlResponse)
OPEN = ("pending", "working", "waiting_for_hitl")


@dataclass
class Play:
    """A project in the making; `unread` are the events whose delivery is still to come."""

    draw: st.DrawFn
    life: Life = field(default_factory=begun)
    unread: list[e.Payload] = field(default_factory=list)

    def choose(self, count: int) -> int:
        return self.draw(st.integers(0, count - 1))

    def tell(self, *payloads: e.Payload) -> None:
        self.life.tell(*payloads)
        self.unread += [one for one in payloads if isinstance(one, REACTED_TO)]

    def order(self, command: c.Command) -> None:
        try:
            decided = self.life.decide(command)
        except c.Refused:
            return
        self.unread += [one for one in decided if isinstance(one, REACTED_TO)]

    def tasks(self, *statuses: str) -> list[Task]:
        return [task for task in self.life.state.tasks.values() if task.status in statuses]

    def react(self) -> None:
        if self.unread:
            self.life.decide(self.unread.pop(self.choose(len(self.unread))))

    def start(self) -> None:
        """An agent takes nothing up while the project is over or paused."""
        if found := self.tasks("pending"):
            task = found[self.choose(len(found))]
            given = {"task_id": task.created.task_id, "attempt": task.attempt, "handoff": task.handoff}
            self.tell(*run(self.life.state, c.StartTask(project_id=PROJECT, runner_id=RUNNER, **given)))

    def end(self, *, well: bool = False) -> None:
        """What is at work is finished whatever became of the project."""
        if found := self.tasks("working"):
            task = found[self.choose(len(found))]
            held = {"task_id": task.created.task_id, "attempt": task.attempt}
            ended: e.TaskComplete | e.TaskFailed
            if well or self.choose(3):
                ended = completed(task.created, task.attempt, gate=task.gate)
            else:
                ended = e.TaskFailed(**held, agent_type=task.created.agent_type, reason="broken")
            written = run(self.life.state, EndTask(project_id=PROJECT, runner_id=RUNNER, **held, end=ended))
            assert written == (ended,)
            self.tell(*written)

    def respond(self, *, approve: bool = False) -> None:
        state = self.life.state
        found = [one.asked for one in state.requests.values() if one.status == "pending"]
        if found and state.status == "active":
            asked = found[self.choose(len(found))]
            actions: tuple[e.Action, ...] = ("approved", "rejected", "rejected", "amended")
            answer = e.HitlResponse(
                request_id=asked.request_id,
                task_id=asked.task_id,
                agent_type=asked.agent_type,
                action="approved" if approve else actions[self.choose(4)],
                response="words",
            )
            self.tell(answer)

    def hold_or_go_on(self) -> None:
        paused = self.life.state.paused
        self.order(c.ResumeProject(project_id=PROJECT) if paused else c.PauseProject(project_id=PROJECT))

    def execute(self) -> None:
        if len(self.life.state.executions) < 3:
            given = {"workflow_id": "two-steps", "context": {}, "parameters": {}}
            self.order(c.ExecuteWorkflow(project_id=PROJECT, **given))

    def retry(self) -> None:
        for task in self.tasks("failed"):
            self.order(c.RetryTask(project_id=PROJECT, task_id=task.created.task_id))

    def lose(self) -> None:
        """What nobody works on any more is pending again whatever became of the project."""
        if found := self.tasks("working"):
            task = found[self.choose(len(found))]
            lost = {"task_id": task.created.task_id, "attempt": task.attempt, "runner_id": task.runner_id}
            self.order(c.ReplaceRunner(project_id=PROJECT, **lost))
            assert self.life.state.tasks[task.created.task_id].status == "pending"

    def force(self) -> None:
        self.order(c.ForceComplete(project_id=PROJECT))

    def finish(self) -> None:
        """Have everybody do what is to be done, and retry what failed, until the project is complete."""
        for _ in range(100):
            if self.life.state.paused:
                self.hold_or_go_on()
            while self.unread:
                self.react()
            if self.life.state.status == "completed":
                return
            self.start()
            self.end(well=True)
            self.respond(approve=True)
            if not self.tasks(*OPEN) or self.life.state.status == "failed":
                self.retry()


@st.composite
def plays(draw: st.DrawFn) -> Play:
    """Draw a project's life, and bring it to its end."""
    play = Play(draw)
    often = (play.start, play.end, play.react, play.respond)
    turns = (*often, *often, play.hold_or_go_on, play.execute, play.retry, play.lose, play.force)
    for _ in range(draw(st.integers(0, 60))):
        turns[play.choose(len(turns))]()
    play.finish()
    return play


@settings(max_examples=150, deadline=None)
@given(plays())
def test_every_project_can_be_brought_to_its_end(play: Play) -> None:
    """Nothing is named twice, no step has two open tasks at once, attempts count up, and nothing is left open."""
    story, state = play.life.story, play.life.state
    assert state.status == "completed", [one.event_type for one in story]
    assert play.tasks(*OPEN) == []
    named = [one.task_id for one in story if isinstance(one, e.TaskCreated)]
    asked = [one.task_id for one in story if isinstance(one, e.HitlRequest)]
    sent = [(one.task_id, one.attempt) for one in story if isinstance(one, e.TaskCreated | e.TaskDispatched)]
    assert [Counter(one).most_common(1)[0][1] for one in (named, sent)] == [1, 1]
    assert len(asked) == len(set(asked))
    for key, started_as in state.executions.items():
        steps = {step for step in ("analyst", "architect") if state.tasks_of(key, step)}
        assert started_as.closed or len(steps) == 2
