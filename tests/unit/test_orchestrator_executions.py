"""Further executions in a project: what they begin with, what their agents are told, and when all is complete."""

from typing import Any

import pytest

from baton_contracts import commands as c
from baton_contracts import events as e
from baton_contracts.definitions import Workflow
from support.lives import Life, at_last_step, begun, complete, failed, in_review
from support.stories import PROJECT, WORKFLOW, OneWorkflow, completed, only, started

TOLD = WORKFLOW.model_copy(
    update={
        "id": "told",
        "steps": tuple(
            step.model_copy(update={"instructions": "Use {{ colour }}, {{limits}} and {{unknown}}."})
            for step in WORKFLOW.steps
        ),
    }
)
PARAMETERS = {"colour": "{{limits}}", "limits": {"rows": 3, "wide": True}}
CONTEXT = {"audience": "gärtner", "budget": 10, "notes": "one\ntwo"}
INSTRUCTIONS = (
    'Use {{limits}}, {"rows": 3, "wide": true} and {{unknown}}.\n\n'
    "Context:\n- audience: gärtner\n- budget: 10\n- notes: one\n  two"
)


class TwoWorkflows(OneWorkflow):
    """The catalog of the stories, and a workflow with instructions."""

    def offered(self, workflow_id: str) -> Workflow | None:
        return TOLD if workflow_id == TOLD.id else super().offered(workflow_id)

    def registered(self, definition_hash: str) -> Workflow:
        return TOLD if definition_hash == TOLD.digest() else super().registered(definition_hash)


def execute(workflow_id: str = "two-steps", context: Any = None, parameters: Any = None) -> c.ExecuteWorkflow:  # noqa: ANN401 - JSON
    return c.ExecuteWorkflow(
        project_id=PROJECT, workflow_id=workflow_id, context=context or {}, parameters=parameters or {}
    )


def refusal(life: Life, command: c.Command) -> c.Refused:
    with pytest.raises(c.Refused) as refused:
        life.decide(command)
    return refused.value


def test_a_further_execution_begins_beside_the_first() -> None:
    life = begun()
    first = life.newest()
    begin, task = life.decide(execute(context={"a": 1}, parameters={"b": 2}))
    assert isinstance(begin, e.WorkflowStarted)
    assert (begin.context, begin.parameters, begin.total_steps) == ({"a": 1}, {"b": 2}, 2)
    assert begin.definition_hash == WORKFLOW.digest()
    assert isinstance(task, e.TaskCreated)
    assert (task.step_id, task.execution_id) == ("analyst", begin.execution_id)
    assert first.execution_id != task.execution_id
    assert task.handoff == first.handoff
    assert life.state.status == "active"


def test_whoever_executes_is_told_the_execution() -> None:
    life = begun()
    result = life.result(execute())
    assert result == {"execution_id": str(life.newest().execution_id), "status": "started"}


@pytest.mark.parametrize(("given", "taken"), [("Another", "Another"), (" ", "An idea"), (5, "An idea")])
def test_the_idea_of_the_context_goes_before_the_projects(given: object, taken: str) -> None:
    life = begun()
    task = only(life.decide(execute(context={"product_idea": given})), e.TaskCreated)
    assert task.handoff.content == {"product_idea": taken}


def test_a_complete_project_is_open_again_then() -> None:
    life = complete()
    reopened, *begin = life.decide(execute())
    assert isinstance(reopened, e.ProjectReopened)
    assert [one.event_type for one in begin] == ["workflow_started", "task_created"]
    assert life.state.status == "active"


def test_what_does_not_exist_is_not_executed() -> None:
    unknown = refusal(begun(), execute("nothing"))
    assert (unknown.status, unknown.title, unknown.pointer) == (404, "Unknown workflow", "")


def test_a_project_that_failed_is_retried_first() -> None:
    refused = refusal(failed(), execute())
    assert (refused.status, refused.detail) == (
        409,
        "The project has failed; retry the failed task or create a new project.",
    )


def test_a_project_that_was_cancelled_or_is_paused_executes_nothing() -> None:
    cancelled, paused = begun(), begun()
    cancelled.decide(c.CancelProject(project_id=PROJECT, reason="enough"))
    paused.decide(c.PauseProject(project_id=PROJECT))
    assert (refusal(cancelled, execute()).status, refusal(paused, execute()).status) == (409, 409)
    assert "create a new project" in refusal(cancelled, execute()).detail
    assert "resume it" in refusal(paused, execute()).detail


def test_a_workflow_whose_agents_are_missing_is_not_executed() -> None:
    class NoArchitect(OneWorkflow):
        def agents(self) -> set[str]:
            return {"analyst"}

    life = begun()
    life.catalog = NoArchitect()
    refused = refusal(life, execute())
    assert refused.status == 409
    assert "architect" in refused.detail


@pytest.mark.parametrize("team", ["small", "dissolved"])
def test_the_projects_team_has_to_cover_the_workflow(team: str) -> None:
    life = begun()
    created = only(life.story, e.ProjectCreated).model_copy(update={"team_id": team})
    life.story = (created, *life.story[1:])
    refused = refusal(life, execute())
    assert (refused.status, refused.title, refused.pointer) == (409, "Team does not fit", "")
    assert "architect" in refused.detail


def test_every_agent_is_told_parameters_and_context() -> None:
    """At the first step, when it is done again, and at the next."""
    life = begun(TwoWorkflows())
    life.decide(execute("told", CONTEXT, PARAMETERS))
    assert life.newest("analyst").instructions == INSTRUCTIONS
    life.work(life.newest())
    life.answer("rejected")
    again = life.newest("analyst")
    assert (again.instructions, again.feedback) == (INSTRUCTIONS, ("words",))
    life.work(again)
    life.answer("approved")
    assert life.newest("architect").instructions == INSTRUCTIONS


def test_instructions_without_parameters_and_context_stay_as_they_are() -> None:
    life = begun(TwoWorkflows())
    life.decide(execute("told"))
    assert life.newest().instructions == "Use {{ colour }}, {{limits}} and {{unknown}}."


def test_a_project_completes_with_the_last_of_its_executions() -> None:
    life = at_last_step()
    first = life.newest()
    life.decide(execute())
    second = life.newest()
    assert life.work(first) == ()
    life.work(second)
    life.answer("approved")
    (end,) = life.work(life.newest())
    assert isinstance(end, e.ProjectCompleted)
    assert end.execution_id == second.execution_id
    assert end.message == "Project has completed successfully: all 4 steps are done"


def test_resuming_two_executions_names_two_tasks() -> None:
    """Both decided from one origin."""
    life = in_review()
    life.answer("approved")
    life.story = life.story[:-1]  # the reaction is still to come
    life.decide(execute())
    life.tell(started(life.newest()), completed(life.newest(), gate=False))
    life.decide(c.PauseProject(project_id=PROJECT))
    _, *following = life.decide(c.ResumeProject(project_id=PROJECT))
    tasks = [one for one in following if isinstance(one, e.TaskCreated)]
    assert [task.agent_type for task in tasks] == ["architect", "architect"]
    assert len({task.task_id for task in tasks}) == 2
    assert len({task.execution_id for task in tasks}) == 2


def test_resuming_two_executions_at_their_end_completes_the_project_once() -> None:
    life = at_last_step()
    first = life.newest()
    life.decide(execute())
    life.work(life.newest())
    life.answer("approved")
    second = life.newest()
    life.tell(started(first), started(second))
    life.decide(c.PauseProject(project_id=PROJECT))
    assert (life.happen(completed(first)), life.happen(completed(second))) == ((), ())
    assert only(life.decide(c.ResumeProject(project_id=PROJECT)), e.ProjectCompleted)
