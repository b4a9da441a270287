"""A failed task is tried again, and its project goes on."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from baton_contracts import commands as c
from baton_contracts import events as e
from baton_orchestrator.steps import Payloads
from support.lives import Life, at_last_step, begun, complete, failed, in_review
from support.stories import PROJECT, RUNNER, completed, only, started

EXECUTE = c.ExecuteWorkflow(project_id=PROJECT, workflow_id="two-steps", context={}, parameters={})


def retry(task: e.TaskCreated) -> c.RetryTask:
    return c.RetryTask(project_id=PROJECT, task_id=task.task_id)


def rejected_thrice() -> Life:
    life = in_review()
    for n in range(2):
        life.answer("rejected", f"no {n}")
        life.work(life.newest())
    life.answer("rejected", "no 2")
    assert life.state.status == "failed"
    return life


def test_a_task_that_failed_goes_out_again_and_its_project_is_open() -> None:
    life = failed()
    reopened, again = life.decide(retry(life.newest()))
    assert isinstance(reopened, e.ProjectReopened)
    assert isinstance(again, e.TaskDispatched)
    assert (again.task_id, again.attempt, again.gate, again.reason) == (life.newest().task_id, 2, True, "retried")
    assert life.state.status == "active"


def test_it_keeps_the_feedback_and_needs_no_second_gate() -> None:
    life = in_review()
    task = life.newest()
    life.answer("amended", "add an export")
    life.fail(task)
    again = only(life.decide(retry(task)), e.TaskDispatched)
    assert (again.attempt, again.gate, again.feedback) == (3, False, ("add an export",))
    (following,) = life.work(task)
    assert isinstance(following, e.TaskCreated)
    assert following.agent_type == "architect"


def test_whoever_retries_is_told_the_task_that_is_pending_now() -> None:
    life = failed()
    task_id = life.newest().task_id
    assert life.result(retry(life.newest())) == {"task_id": str(task_id), "status": "pending", "attempt": 2}
    life = rejected_thrice()
    result = life.result(retry(life.newest()))
    assert result == {"task_id": str(life.newest().task_id), "status": "pending", "attempt": 1}


def test_a_rejected_step_is_begun_again_and_told_why() -> None:
    life = rejected_thrice()
    rejected = life.newest()
    reopened, again = life.decide(retry(rejected))
    assert isinstance(reopened, e.ProjectReopened)
    assert isinstance(again, e.TaskCreated)
    assert again.task_id != rejected.task_id
    assert (again.step_id, again.gate, again.feedback) == ("analyst", True, ("no 0", "no 1", "no 2"))


def test_three_more_rejections_are_needed_to_fail_it_again() -> None:
    life = rejected_thrice()
    life.decide(retry(life.newest()))
    for _ in range(2):
        life.work(life.newest())
        (again,) = life.answer("rejected")
        assert isinstance(again, e.TaskCreated)
    life.work(life.newest())
    (end,) = life.answer("rejected")
    assert isinstance(end, e.ProjectFailed)


def test_a_retried_task_ends_in_a_complete_project() -> None:
    life = at_last_step()
    task = life.newest()
    life.fail(task)
    life.decide(retry(task))
    (end,) = life.work(task)
    assert isinstance(end, e.ProjectCompleted)


def test_a_retry_before_the_project_has_failed_stops_that() -> None:
    life = begun()
    task = life.newest()
    failure = e.TaskFailed(task_id=task.task_id, agent_type="analyst", attempt=1, reason="no model")
    life.tell(started(task), failure)
    (again,) = life.decide(retry(task))
    assert isinstance(again, e.TaskDispatched)
    assert life.decide(failure) == ()


def beside_a_failure() -> tuple[Life, e.TaskCreated, e.TaskCreated]:
    """Return a project that has failed, the task that failed it, and one at work in another execution."""
    life = begun()
    first = life.newest()
    life.decide(EXECUTE)
    second = life.newest()
    life.tell(started(second))
    life.fail(first)
    assert life.state.status == "failed"
    return life, first, second


def following(life: Life, failed_task: e.TaskCreated) -> Payloads:
    """Retry what failed the project; return what follows beside that."""
    reopened, again, *others = life.decide(retry(failed_task))
    assert isinstance(reopened, e.ProjectReopened)
    assert isinstance(again, e.TaskDispatched)
    assert again.task_id == failed_task.task_id
    return tuple(others)


def test_what_is_at_work_in_another_execution_is_not_disturbed() -> None:
    life, first, second = beside_a_failure()
    assert following(life, first) == ()
    assert life.state.tasks[second.task_id].status == "working"


@pytest.mark.parametrize("gate", [True, False], ids=["a question", "the next step"])
def test_what_another_execution_finished_while_the_project_was_over_follows(gate: bool) -> None:  # noqa: FBT001 - a case
    life, first, second = beside_a_failure()
    assert life.happen(completed(second, gate=gate)) == ()
    (follows,) = following(life, first)
    if gate:
        assert isinstance(follows, e.HitlRequest)
        assert follows.task_id == second.task_id
    else:
        assert isinstance(follows, e.TaskCreated)
        assert (follows.step_id, follows.execution_id) == ("architect", second.execution_id)


def test_a_task_whose_runner_was_lost_while_the_project_was_over_goes_out_again() -> None:
    """Its first delivery was ignored."""
    life, first, second = beside_a_failure()
    life.decide(c.ReplaceRunner(project_id=PROJECT, task_id=second.task_id, attempt=1, runner_id=RUNNER))
    (again,) = following(life, first)
    assert isinstance(again, e.TaskDispatched)
    assert (again.task_id, again.attempt) == (second.task_id, 3)


def test_what_failed_in_another_execution_meanwhile_waits_for_a_retry_of_its_own() -> None:
    life, first, second = beside_a_failure()
    failure = e.TaskFailed(task_id=second.task_id, agent_type="analyst", attempt=1, reason="no model")
    assert life.happen(failure) == ()
    assert following(life, first) == ()
    (again,) = life.decide(retry(second))
    assert isinstance(again, e.TaskDispatched)


def test_another_execution_that_was_rejected_thrice_does_not_fail_the_project_again() -> None:
    life = rejected_thrice()
    rejected = life.newest()
    life.story = life.story[:-1]  # the project has not failed yet
    life.decide(EXECUTE)
    other = life.newest()
    life.fail(other)
    reopened, again = life.decide(retry(other))
    assert isinstance(reopened, e.ProjectReopened)
    assert isinstance(again, e.TaskDispatched)
    assert life.state.tasks[rejected.task_id].status == "failed"


def test_an_unknown_task_is_not_retried() -> None:
    with pytest.raises(c.Refused) as refused:
        begun().decide(c.RetryTask(project_id=PROJECT, task_id=uuid4()))
    assert (refused.value.status, refused.value.title) == (404, "Unknown task")


def cancelled() -> Life:
    life = begun()
    life.decide(c.CancelProject(project_id=PROJECT, reason="enough"))
    return life


def forced() -> Life:
    life = begun()
    life.decide(c.ForceComplete(project_id=PROJECT))
    return life


def failed_in_a_pause() -> Life:
    life = begun()
    task = life.newest()
    life.tell(started(task), e.TaskFailed(task_id=task.task_id, agent_type="analyst", attempt=1, reason="no model"))
    life.decide(c.PauseProject(project_id=PROJECT))
    return life


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (begun, "pending"),
        (in_review, "waiting_for_hitl"),
        (complete, "complete"),
        (cancelled, "cancelled"),
        (forced, "complete"),
        (failed_in_a_pause, "resume"),
    ],
)
def test_what_cannot_be_retried_says_why(make: Callable[[], Life], word: str) -> None:
    life = make()
    with pytest.raises(c.Refused, match=word) as refused:
        life.decide(retry(life.newest()))
    assert refused.value.status == 409


def test_a_task_that_was_repeated_is_not_retried() -> None:
    life = in_review()
    rejected = life.newest()
    life.answer("rejected")
    with pytest.raises(c.Refused, match="later task") as refused:
        life.decide(retry(rejected))
    assert refused.value.status == 409


def test_a_task_that_an_administrator_ended_is_not_retried_beside_the_next_execution() -> None:
    life = forced()
    ended = life.newest()
    life.decide(EXECUTE)
    with pytest.raises(c.Refused, match="execute the workflow again"):
        life.decide(retry(ended))


def test_a_failed_task_can_be_retried_twice() -> None:
    life = failed()
    task = life.newest()
    life.decide(retry(task))
    life.fail(task)
    again = only(life.decide(retry(task)), e.TaskDispatched)
    assert again.attempt == 3
    assert life.happen(started(task, 3), completed(task, 3))
