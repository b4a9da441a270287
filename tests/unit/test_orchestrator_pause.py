"""While a project is paused nothing begins; when it is resumed, everything that was withheld follows."""

import pytest

from baton_contracts import events as e
from baton_contracts.commands import Command, PauseProject, Refused, ReplaceRunner, ResumeProject
from support.lives import Life, at_last_step, begun, complete, failed, in_review
from support.stories import CONTENTS, PROJECT, RUNNER, completed, only, started

PAUSE, RESUME = PauseProject(project_id=PROJECT), ResumeProject(project_id=PROJECT)


def paused(life: Life) -> Life:
    assert life.decide(PAUSE) == (e.ProjectPaused(),)
    return life


def resumed(life: Life) -> e.Payload:
    """Resume; return the one thing that follows."""
    resumption, following = life.decide(RESUME)
    assert resumption == e.ProjectResumed()
    return following


@pytest.mark.parametrize("life", [failed(), complete()], ids=["failed", "complete"])
@pytest.mark.parametrize("command", [PAUSE, RESUME])
def test_a_project_that_is_over_is_neither_paused_nor_resumed(life: Life, command: Command) -> None:
    with pytest.raises(Refused) as refused:
        life.decide(command)
    assert refused.value.status == 409


def test_pausing_twice_and_resuming_what_goes_on_are_refused() -> None:
    with pytest.raises(Refused, match="not paused") as refused:
        begun().decide(RESUME)
    assert refused.value.status == 409
    with pytest.raises(Refused, match="paused already") as refused:
        paused(begun()).decide(PAUSE)
    assert refused.value.status == 409


def test_whoever_pauses_and_resumes_is_told_the_projects_standing() -> None:
    life = begun()
    assert life.result(PAUSE) == {"project_id": str(PROJECT), "status": "active", "paused": True}
    assert life.result(RESUME) == {"project_id": str(PROJECT), "status": "active", "paused": False}


def test_an_approval_is_followed_by_the_next_task_when_resumed() -> None:
    life = paused(in_review())
    assert life.answer("approved") == ()
    following = resumed(life)
    assert isinstance(following, e.TaskCreated)
    assert (following.agent_type, following.handoff.content) == ("architect", CONTENTS["software_specification"])


def test_an_amended_task_goes_out_again_when_resumed() -> None:
    life = paused(in_review())
    assert life.answer("amended", "add an export") == ()
    following = resumed(life)
    assert isinstance(following, e.TaskDispatched)
    assert (following.attempt, following.gate, following.feedback) == (2, False, ("add an export",))


def test_a_rejected_step_is_done_again_when_resumed() -> None:
    life = paused(in_review())
    rejected = life.newest()
    assert life.answer("rejected", "too vague") == ()
    following = resumed(life)
    assert isinstance(following, e.TaskCreated)
    assert following.task_id != rejected.task_id
    assert (following.step_id, following.feedback) == ("analyst", ("too vague",))


def test_a_task_that_ends_without_a_gate_is_passed_on_when_resumed() -> None:
    life = begun()
    task = life.newest()
    life.tell(started(task))
    paused(life)
    assert life.happen(completed(task, gate=False)) == ()
    following = resumed(life)
    assert isinstance(following, e.TaskCreated)
    assert following.agent_type == "architect"


def test_a_project_whose_last_step_ended_is_completed_when_resumed() -> None:
    life = at_last_step()
    task = life.newest()
    life.tell(started(task))
    paused(life)
    assert life.happen(completed(task)) == ()
    assert isinstance(resumed(life), e.ProjectCompleted)


def test_a_gate_still_asks() -> None:
    life = begun()
    task = life.newest()
    life.tell(started(task))
    paused(life)
    (request,) = life.happen(completed(task))
    assert isinstance(request, e.HitlRequest)
    assert life.decide(RESUME) == (e.ProjectResumed(),)


def test_a_failing_task_still_fails_the_project() -> None:
    life = paused(begun())
    (end,) = life.fail(life.newest())
    assert isinstance(end, e.ProjectFailed)
    assert (life.state.status, life.state.paused) == ("failed", False)


def test_the_third_rejection_still_fails_the_project() -> None:
    life = in_review()
    for _ in range(2):
        life.answer("rejected")
        life.work(life.newest())
    paused(life)
    (end,) = life.answer("rejected")
    assert isinstance(end, e.ProjectFailed)


def test_a_pending_task_goes_out_again_when_resumed() -> None:
    """Its first delivery may have been ignored."""
    life = paused(begun())
    following = resumed(life)
    assert isinstance(following, e.TaskDispatched)
    assert (following.attempt, following.gate, following.handoff) == (2, True, life.newest().handoff)


def test_a_working_task_goes_on_undisturbed() -> None:
    life = begun()
    life.tell(started(life.newest()))
    paused(life)
    assert life.decide(RESUME) == (e.ProjectResumed(),)


def test_a_lost_runners_task_goes_out_at_once_and_again_when_resumed() -> None:
    life = begun()
    task = life.newest()
    life.tell(started(task))
    paused(life)
    lost = ReplaceRunner(project_id=PROJECT, task_id=task.task_id, attempt=1, runner_id=RUNNER, reason="reset")
    again = only(life.decide(lost), e.TaskDispatched)
    assert (again.attempt, again.reason) == (2, "reset")
    following = resumed(life)
    assert isinstance(following, e.TaskDispatched)
    assert following.attempt == 3
