"""Every handoff decision, by given, when, then."""

from uuid import uuid4

import pytest

from baton_contracts import events as e
from baton_contracts.commands import CreateProject, Refused, ReplaceRunner
from baton_contracts.ids import derive_id
from baton_contracts.project import Project
from baton_orchestrator.decide import decide
from baton_orchestrator.steps import Payloads
from support.stories import CONTENTS, PROJECT, RUNNER, WORKFLOW, OneWorkflow, completed, fold, only, origin, started

CATALOG = OneWorkflow()
CREATE = CreateProject(
    project_id=PROJECT, name="N", product_idea="An idea", tenant="default", workflow_id="two-steps", team_id=None
)


def react(state: Project, payload: e.Payload, name: str = "event") -> Payloads:
    return decide(state, payload, origin(name), CATALOG)


def created() -> Payloads:
    return decide(Project(), CREATE, origin("create"), CATALOG)


def analysed() -> tuple[e.TaskCreated, Payloads]:
    """Return the first task and the story up to its completion."""
    story = created()
    task = only(story, e.TaskCreated)
    return task, (*story, started(task), completed(task))


def in_review() -> tuple[e.TaskCreated, e.HitlRequest, Payloads]:
    task, story = analysed()
    (request,) = react(fold(*story), story[-1])
    assert isinstance(request, e.HitlRequest)
    return task, request, (*story, request)


def answer(request: e.HitlRequest, action: e.Action, text: str = "because") -> e.HitlResponse:
    return e.HitlResponse(
        request_id=request.request_id, task_id=request.task_id, agent_type="analyst", action=action, response=text
    )


def test_create_hands_the_idea_to_the_first_agent() -> None:
    project, workflow, task = created()
    assert isinstance(project, e.ProjectCreated)
    assert isinstance(workflow, e.WorkflowStarted)
    assert workflow.definition_hash == WORKFLOW.digest()
    assert isinstance(task, e.TaskCreated)
    assert task.handoff.model_dump(mode="json") == {
        "project_id": str(PROJECT),
        "source_agent": "user",
        "target_agent": "analyst",
        "handoff_type": "product_idea",
        "content": {"product_idea": "An idea"},
    }


def test_deciding_twice_names_the_same_things() -> None:
    assert created() == created()


def test_create_on_an_existing_project_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        decide(fold(*created()), CREATE, origin("again"), CATALOG)
    assert refused.value.status == 409


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"workflow_id": "nothing"}, 404, "workflow"),
        ({"team_id": "nobody"}, 404, "team"),
        ({"team_id": "small"}, 409, "architect"),
    ],
)
def test_create_names_what_does_not_exist_or_fit(changes: dict[str, str], status: int, word: str) -> None:
    with pytest.raises(Refused) as refused:
        decide(Project(), CREATE.model_copy(update=changes), origin("create"), CATALOG)
    assert refused.value.status == status
    assert word in refused.value.detail


def test_a_workflow_whose_agents_are_not_defined_is_refused() -> None:
    class NoArchitect(OneWorkflow):
        def agents(self) -> set[str]:
            return {"analyst"}

    with pytest.raises(Refused, match="architect") as refused:
        decide(Project(), CREATE, origin("create"), NoArchitect())
    assert refused.value.status == 409


def test_a_team_of_all_fits() -> None:
    assert decide(Project(), CREATE.model_copy(update={"team_id": "all"}), origin("create"), CATALOG)


def test_a_gate_asks_a_person_once() -> None:
    task, request, story = in_review()
    state = fold(*story)
    assert state.tasks[task.task_id].status == "waiting_for_hitl"
    assert request.task_id == task.task_id
    assert (request.deadline_seconds, request.on_expire) == (3600, "approved")
    assert react(state, completed(task)) == ()


def test_approval_passes_exactly_the_contracts_content_on() -> None:
    task, request, story = in_review()
    approved = answer(request, "approved")
    state = fold(*story, approved)
    (following,) = react(state, approved, "approved")
    assert isinstance(following, e.TaskCreated)
    assert (following.handoff.source_agent, following.handoff.target_agent) == ("analyst", "architect")
    assert following.handoff.content == CONTENTS["software_specification"]
    assert following.requires == ("software_specification",)
    assert state.tasks[task.task_id].status == "completed"


def test_a_reaction_whose_consequence_stands_leads_to_nothing() -> None:
    _, request, story = in_review()
    approved = answer(request, "approved")
    following = react(fold(*story, approved), approved, "approved")
    assert react(fold(*story, approved, *following), approved, "approved again") == ()


def test_amend_sends_the_same_task_back_without_a_second_gate() -> None:
    task, request, story = in_review()
    amended = answer(request, "amended", "add an export")
    (again,) = react(fold(*story, amended), amended)
    assert isinstance(again, e.TaskDispatched)
    assert (again.task_id, again.attempt, again.gate, again.feedback) == (task.task_id, 2, False, ("add an export",))
    story = (*story, amended, again, started(task, 2), completed(task, 2, gate=False))
    (following,) = react(fold(*story), story[-1], "amended")
    assert isinstance(following, e.TaskCreated)
    assert following.agent_type == "architect"
    assert react(fold(*story, following), amended) == ()


def test_reject_opens_a_new_task_of_the_step_with_the_reason() -> None:
    task, request, story = in_review()
    rejected = answer(request, "rejected", "too vague")
    state = fold(*story, rejected)
    (again,) = react(state, rejected, "rejected")
    assert isinstance(again, e.TaskCreated)
    assert again.task_id != task.task_id
    assert (again.step_id, again.gate, again.feedback) == ("analyst", True, ("too vague",))
    assert (state.tasks[task.task_id].status, state.tasks[task.task_id].reason) == ("failed", "too vague")
    assert react(fold(*story, rejected, again), rejected, "rejected again") == ()


def test_after_three_rejections_the_project_fails() -> None:
    story: Payloads = created()
    for n in range(3):
        task = story[-1]
        assert isinstance(task, e.TaskCreated)
        story = (*story, started(task), completed(task))
        (request,) = react(fold(*story), story[-1], f"complete {n}")
        assert isinstance(request, e.HitlRequest)
        rejected = answer(request, "rejected", f"no {n}")
        story = (*story, request, rejected)
        story = (*story, *react(fold(*story), rejected, f"reject {n}"))
    assert isinstance(story[-1], e.ProjectFailed)
    assert "no 2" in story[-1].reason
    assert fold(*story).status == "failed"


def test_the_last_step_completes_the_project() -> None:
    _, request, story = in_review()
    approved = answer(request, "approved")
    (task,) = react(fold(*story, approved), approved, "approved")
    assert isinstance(task, e.TaskCreated)
    story = (*story, approved, task, started(task), completed(task))
    (done,) = react(fold(*story), story[-1], "last")
    assert isinstance(done, e.ProjectCompleted)
    assert fold(*story, done).status == "completed"
    assert react(fold(*story, done), story[-1], "last again") == ()


def test_a_failed_task_fails_the_project_with_its_reason() -> None:
    task = only(created(), e.TaskCreated)
    failed = e.TaskFailed(task_id=task.task_id, agent_type="analyst", attempt=1, reason="no model")
    (end,) = react(fold(*created(), started(task), failed), failed)
    assert isinstance(end, e.ProjectFailed)
    assert "no model" in end.reason


def test_a_failure_of_an_old_attempt_leads_to_nothing() -> None:
    task = only(created(), e.TaskCreated)
    failed = e.TaskFailed(task_id=task.task_id, agent_type="analyst", attempt=1, reason="no model")
    lost = ReplaceRunner(project_id=PROJECT, task_id=task.task_id, attempt=1, runner_id=RUNNER)
    (again,) = decide(fold(*created(), started(task)), lost, origin("lost"), CATALOG)
    state = fold(*created(), started(task), again, started(task, 2), failed.model_copy(update={"attempt": 2}))
    assert react(state, failed) == ()


def test_an_answer_of_an_old_attempt_leads_to_nothing() -> None:
    task, request, story = in_review()
    amended = answer(request, "amended")
    (again,) = react(fold(*story, amended), amended)
    assert react(fold(*story, amended, again, started(task, 2)), completed(task, 1)) == ()


def test_a_lost_runners_task_goes_out_under_the_next_attempt() -> None:
    task = only(created(), e.TaskCreated)
    state = fold(*created(), started(task))
    lost = ReplaceRunner(project_id=PROJECT, task_id=task.task_id, attempt=1, runner_id=RUNNER)
    (again,) = decide(state, lost, origin("lost"), CATALOG)
    assert isinstance(again, e.TaskDispatched)
    assert (again.attempt, again.gate, again.handoff) == (2, True, task.handoff)
    assert again.reason == "its runner is gone"
    assert decide(fold(*created(), started(task), again), lost, origin("lost again"), CATALOG) == ()


def test_events_of_unknown_tasks_lead_to_nothing() -> None:
    stranger = e.TaskFailed(task_id=uuid4(), agent_type="analyst", attempt=1, reason="?")
    assert react(fold(*created()), stranger) == ()


def test_ids_follow_from_the_message() -> None:
    execution_id = derive_id(origin("create"), "execution")
    assert only(created(), e.WorkflowStarted).execution_id == execution_id
    assert only(created(), e.TaskCreated).task_id == derive_id(origin("create"), f"task:{execution_id}:analyst")
