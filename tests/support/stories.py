"""Given, when, then: a project's story as events, without any I/O."""

from collections.abc import Sequence
from functools import reduce
from typing import TypeVar
from uuid import UUID, uuid5

from baton_contracts.definitions import Deadline, Step, Team, Workflow
from baton_contracts.events import Artifact, Payload, TaskComplete, TaskCreated, TaskStart
from baton_contracts.ids import derive_id
from baton_contracts.project import Project, evolve

P = TypeVar("P", bound=Payload)

PROJECT = UUID(int=1)
RUNNER = UUID(int=2)

CONTENTS = {
    "software_specification": {
        "requirements": ["r"],
        "user_stories": ["u"],
        "high_level_features": ["f"],
        "core_idea": "i",
    },
    "implementation_plan": {
        "architecture_diagram_url": "/d",
        "database_schema": "s",
        "tech_stack": ["t"],
        "task_breakdown": ["b"],
    },
}

WORKFLOW = Workflow(
    id="two-steps",
    name="Two steps",
    steps=(
        Step(
            id="analyst",
            agent="analyst",
            creates="spec.md",
            handoff_type="software_specification",
            gate=True,
            deadline=Deadline(seconds=3600, on_expire="approved"),
        ),
        Step(
            id="architect",
            agent="architect",
            creates="plan.md",
            requires=("spec.md", "nothing.md"),
            handoff_type="implementation_plan",
        ),
    ),
)
TEAMS = {
    "small": Team(id="small", name="Small", agents=("analyst",)),
    "all": Team(id="all", name="All", agents=("*",)),
}


class OneWorkflow:
    """A catalog of one workflow and two teams."""

    def offered(self, workflow_id: str) -> Workflow | None:
        return WORKFLOW if workflow_id == WORKFLOW.id else None

    def registered(self, definition_hash: str) -> Workflow:
        assert definition_hash == WORKFLOW.digest()
        return WORKFLOW

    def team(self, team_id: str) -> Team | None:
        return TEAMS.get(team_id)

    def agents(self) -> set[str]:
        return {"analyst", "architect"}


def origin(name: str) -> UUID:
    """Return the id of a message, by a name."""
    return uuid5(PROJECT, name)


def fold(*payloads: Payload) -> Project:
    """Return the state after these events."""
    return reduce(evolve, payloads, Project())


def started(created: TaskCreated, attempt: int = 1, runner: UUID = RUNNER) -> TaskStart:
    """Return the start of a task."""
    return TaskStart(
        task_id=created.task_id, agent_type=created.agent_type, attempt=attempt, runner_id=runner, message="at work"
    )


def completed(created: TaskCreated, attempt: int = 1, *, gate: bool | None = None) -> TaskComplete:
    """Return the completion of a task, with content of its output type."""
    return TaskComplete(
        task_id=created.task_id,
        agent_type=created.agent_type,
        attempt=attempt,
        message="done",
        awaits_review=created.gate if gate is None else gate,
        artifact=Artifact(
            artifact_id=derive_id(created.task_id, "artifact"),
            artifact_type="spec",
            handoff_type=created.output_type,
            content=CONTENTS[created.output_type] | {"extra": "kept in the artifact"},
        ),
    )


def only(payloads: Sequence[Payload], kind: type[P]) -> P:
    """Return the one payload of a kind."""
    (found,) = [payload for payload in payloads if isinstance(payload, kind)]
    return found
