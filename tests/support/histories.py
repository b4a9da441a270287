"""Random histories, made by the services' own decisions: whatever may stand in a log, a test can draw."""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID, uuid4

from hypothesis import strategies as st

import baton_agent_runner.decide as runner
import baton_hitl.decide as hitl
from baton_contracts import events as e
from baton_contracts.commands import (
    CancelProject,
    Command,
    CreateProject,
    ExecuteWorkflow,
    ForceComplete,
    PauseProject,
    Refused,
    ReplaceRunner,
    Respond,
    ResumeProject,
    RetryTask,
    StartTask,
)
from baton_contracts.ids import SYSTEM_STREAM
from baton_contracts.project import Project, Task, evolve
from baton_orchestrator.decide import decide
from baton_orchestrator.steps import Payloads
from support.stories import OneWorkflow, completed, only, origin, started
from support.tales import called

RUNNERS = (UUID(int=11), UUID(int=12))
TENANTS = ("t", "u")
REACTED_TO = (e.TaskComplete, e.TaskFailed, e.HitlResponse)
Said = tuple[UUID, Payloads]


@dataclass
class Play:
    """Some projects in the making; `said` holds each decision's events with their project, in order."""

    draw: st.DrawFn
    said: list[Said] = field(default_factory=list)
    states: dict[UUID, Project] = field(default_factory=lambda: defaultdict(Project))
    unread: list[tuple[UUID, e.Payload]] = field(default_factory=list)

    def choose(self, count: int) -> int:
        """Draw a number below `count`."""
        return self.draw(st.integers(0, count - 1))

    def say(self, project_id: UUID, payloads: Payloads) -> None:
        """Write what was decided."""
        if payloads:
            self.said.append((project_id, payloads))
        for payload in payloads:
            self.states[project_id] = evolve(self.states[project_id], payload)
            if isinstance(payload, REACTED_TO):
                self.unread.append((project_id, payload))

    def create(self) -> None:
        """Have a person hand in an idea."""
        project_id = uuid4()
        order = CreateProject(
            project_id=project_id,
            name="N",
            product_idea="I",
            tenant=TENANTS[self.choose(2)],
            workflow_id="two-steps",
            team_id=None,
        )
        self.say(project_id, decide(Project(), order, uuid4(), OneWorkflow()))

    def some_project(self) -> UUID:
        """Choose a project."""
        return list(self.states)[self.choose(len(self.states))]

    def order(self, command: Command) -> None:
        """Give the orchestrator a command, which it may refuse."""
        with contextlib.suppress(Refused):
            state = self.states[command.project_id]
            self.say(command.project_id, decide(state, command, uuid4(), OneWorkflow()))

    def pause(self) -> None:
        """Have a person pause a project."""
        self.order(PauseProject(project_id=self.some_project()))

    def resume(self) -> None:
        """Have a person resume a project that is paused."""
        if paused := [key for key, state in self.states.items() if state.paused]:
            self.order(ResumeProject(project_id=paused[self.choose(len(paused))]))

    def end_early(self) -> None:
        """Have a person cancel a project, or force its completion."""
        project_id = self.some_project()
        orders = (CancelProject(project_id=project_id, reason="enough"), ForceComplete(project_id=project_id))
        self.order(orders[self.choose(2)])

    def retry(self) -> None:
        """Have a person retry a failed task; its project goes on."""
        if found := self.some_task("failed"):
            project_id, task = found
            self.order(RetryTask(project_id=project_id, task_id=task.created.task_id))

    def execute(self) -> None:
        """Have a person execute the workflow once more."""
        self.order(ExecuteWorkflow(project_id=self.some_project(), workflow_id="two-steps", context={}, parameters={}))

    def reset(self) -> None:
        """Have an administrator reset an agent, in one tenant or all, its tasks dispatched again first or not."""
        agent_type = ("analyst", "architect")[self.choose(2)]
        if self.choose(2):
            for project_id, state in self.states.items():
                for task in state.tasks.values():
                    if task.status == "working" and task.created.agent_type == agent_type:
                        self.replace(project_id, task)
        tenant = (None, *TENANTS)[self.choose(3)]
        self.said.append((SYSTEM_STREAM, (e.AgentReset(agent_type=agent_type, tenant=tenant),)))

    def react(self) -> None:
        """Deliver one event to the orchestrator, in any order."""
        if self.unread:
            project_id, payload = self.unread.pop(self.choose(len(self.unread)))
            name = f"{project_id}:{self.states[project_id].version}"
            self.say(project_id, decide(self.states[project_id], payload, origin(name), OneWorkflow()))

    def some_task(self, status: str) -> tuple[UUID, Task] | None:
        """Choose a task in a status."""
        found = [
            (project_id, task)
            for project_id, state in self.states.items()
            for task in state.tasks.values()
            if task.status == status
        ]
        return found[self.choose(len(found))] if found else None

    def start(self) -> None:
        """Have a runner take up a task."""
        if found := self.some_task("pending"):
            project_id, task = found
            order = StartTask(
                project_id=project_id,
                task_id=task.created.task_id,
                attempt=task.attempt,
                runner_id=RUNNERS[self.choose(2)],
                handoff=task.handoff,
            )
            with contextlib.suppress(Refused):
                self.say(project_id, runner.decide(self.states[project_id], order))

    def end(self) -> None:
        """Have a runner end its task, well or not."""
        if found := self.some_task("working"):
            project_id, task = found
            made = completed(task.created, task.attempt, gate=task.gate)
            content = made.artifact.content | {"take": self.choose(100)}
            made = made.model_copy(update={"artifact": made.artifact.model_copy(update={"content": content})})
            failed = e.TaskFailed(
                task_id=made.task_id,
                agent_type=made.agent_type,
                attempt=made.attempt,
                reason="broken",
                artifact=(None, made.artifact.model_copy(update={"artifact_type": "log"}))[self.choose(2)],
            )
            order = runner.EndTask(
                project_id=project_id,
                task_id=made.task_id,
                attempt=made.attempt,
                runner_id=task.runner_id or RUNNERS[0],
                end=(made, made, made, failed)[self.choose(4)],
            )
            self.say(project_id, runner.decide(self.states[project_id], order))

    def call(self) -> None:
        """Have a runner call its model, which may fail."""
        if found := self.some_task("working"):
            project_id, task = found
            outcomes: tuple[Literal["ok", "error"], ...] = ("ok", "error")
            made = called(task.created.task_id, outcomes[self.choose(2)], model=f"model {self.choose(3)}")
            self.say(project_id, (made,))

    def lose(self) -> None:
        """Have a runner die at work."""
        if found := self.some_task("working"):
            self.replace(*found)

    def replace(self, project_id: UUID, task: Task) -> None:
        """Take a task from its runner."""
        self.order(
            ReplaceRunner(
                project_id=project_id,
                task_id=task.created.task_id,
                attempt=task.attempt,
                runner_id=task.runner_id or RUNNERS[0],
            )
        )

    def respond(self) -> None:
        """Have a person answer a request."""
        open_ones = [
            (project_id, request_id)
            for project_id, state in self.states.items()
            for request_id, request in state.requests.items()
            if request.status == "pending" and state.status == "active"
        ]
        if open_ones:
            project_id, request_id = open_ones[self.choose(len(open_ones))]
            actions: tuple[e.Action, ...] = ("approved", "rejected", "amended")
            order = Respond(
                project_id=project_id, request_id=request_id, action=actions[self.choose(3)], response="words"
            )
            self.say(project_id, hitl.respond(self.states[project_id], order))

    def bundle(self) -> None:
        """Have a project bundled."""
        project_id = self.some_project()
        version = self.states[project_id].version
        file = e.BundledFile(name="README.md", type="documentation", size=version, sha256="0")
        self.say(project_id, (e.ArtifactsGenerated(sha256=f"{version}", size=1, of_version=version, files=(file,)),))

    def clean(self) -> None:
        """Have a project's bundles removed: all of them, or all but the newest."""
        project_id = self.some_project()
        bundles = [one.sha256 for one in self.states[project_id].bundles]
        if gone := bundles[: len(bundles) - self.choose(2)]:
            self.say(project_id, (e.ArtifactsCleaned(sha256s=tuple(gone), freed_bytes=1),))


def turns_of(play: Play) -> Sequence[Callable[[], None]]:
    """Return what may come next; what moves a project on comes most often."""
    work = (play.start, play.end, play.react, play.respond)
    return (
        *(work * 3),
        *(play.start, play.call, play.lose, play.bundle, play.clean, play.pause, play.resume, play.resume),
        *(play.end_early, play.retry, play.retry, play.execute, play.reset),
    )


@st.composite
def histories(draw: st.DrawFn) -> Sequence[Said]:
    """Draw a history of one to three projects: decisions with their project, in the order of the log."""
    play = Play(draw)
    for _ in range(draw(st.integers(1, 3))):
        play.create()
    turns = turns_of(play)
    for _ in range(draw(st.integers(10, 100))):
        turns[play.choose(len(turns))]()
    return play.said


def short_story() -> Payloads:
    """Return a project's life under ids of its own: one task without a gate, completed."""
    order = CreateProject(
        project_id=uuid4(), name="N", product_idea="I", tenant="t", workflow_id="two-steps", team_id=None
    )
    created = decide(Project(), order, uuid4(), OneWorkflow())
    task = only(created, e.TaskCreated)
    end = e.ProjectCompleted(execution_id=task.execution_id, message="done")
    return (*created, started(task), completed(task, gate=False), end)
