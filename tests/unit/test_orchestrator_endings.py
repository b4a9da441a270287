"""A project that people end before its end: cancelled, or complete because what there is will do."""

from collections.abc import Callable
from uuid import UUID

import pytest

from baton_contracts import commands as c
from baton_contracts import events as e
from support.lives import Life, at_last_step, begun, complete, failed, in_review
from support.stories import PROJECT, RUNNER, completed, only, started

CANCEL = c.CancelProject(project_id=PROJECT, reason="no money")
FORCE = c.ForceComplete(project_id=PROJECT)
PAUSE, RESUME = c.PauseProject(project_id=PROJECT), c.ResumeProject(project_id=PROJECT)
EXECUTE = c.ExecuteWorkflow(project_id=PROJECT, workflow_id="two-steps", context={}, parameters={})


@pytest.mark.parametrize(
    "command",
    [
        EXECUTE,
        PAUSE,
        RESUME,
        CANCEL,
        FORCE,
        c.CheckCompletion(project_id=PROJECT),
        c.RetryTask(project_id=PROJECT, task_id=UUID(int=7)),
    ],
    ids=lambda command: command.command_type,
)
def test_nothing_can_be_done_to_a_project_that_does_not_exist(command: c.Command) -> None:
    with pytest.raises(c.Refused) as refused:
        Life().decide(command)
    assert (refused.value.status, refused.value.title) == (404, "Unknown project")
    assert refused.value.pointer == ("/project_id" if command is EXECUTE else "")


def test_cancelling_rejects_what_waits_for_a_person() -> None:
    life = in_review()
    rejected, end = life.decide(CANCEL)
    assert isinstance(rejected, e.HitlResponse)
    assert (rejected.action, rejected.response, rejected.task_id) == (
        "rejected",
        "Cancelled: no money",
        life.newest().task_id,
    )
    assert end == e.ProjectFailed(reason="Cancelled: no money", cancelled=True)
    assert life.state.tasks[life.newest().task_id].status == "failed"
    assert life.decide(rejected) == ()


@pytest.mark.parametrize("begins", [False, True], ids=["pending", "working"])
def test_cancelling_stops_every_other_open_task(begins: bool) -> None:  # noqa: FBT001 - a case of the test
    life = begun()
    task = life.newest()
    life.tell(*[started(task)] * begins)
    stopped, end = life.decide(CANCEL)
    assert stopped == e.TaskFailed(
        task_id=task.task_id, agent_type="analyst", attempt=1, reason="Cancelled: no money", stopped=True
    )
    assert isinstance(end, e.ProjectFailed)
    assert life.decide(stopped) == ()


def test_cancelling_stops_a_task_that_is_to_be_amended() -> None:
    life = in_review()
    life.decide(PAUSE)
    life.answer("amended")
    stopped = only(life.decide(CANCEL), e.TaskFailed)
    assert stopped.stopped


def test_whoever_cancels_is_told_the_reason_that_is_kept() -> None:
    wanted = {"project_id": str(PROJECT), "status": "failed", "reason": "Cancelled: no money"}
    assert begun().result(CANCEL) == wanted


@pytest.mark.parametrize("life", [complete(), failed()], ids=["complete", "failed"])
def test_a_project_that_is_over_cannot_be_cancelled(life: Life) -> None:
    with pytest.raises(c.Refused) as refused:
        life.decide(CANCEL)
    assert refused.value.status == 409


def test_forcing_ends_what_is_open_and_completes_the_project() -> None:
    life = at_last_step()
    stopped, end = life.decide(FORCE)
    assert isinstance(stopped, e.TaskFailed)
    assert (stopped.stopped, stopped.reason) == (True, "The project was force-completed")
    assert isinstance(end, e.ProjectCompleted)
    assert (end.forced, end.message) == (True, "The project was force-completed with 1 of 2 steps done")
    assert end.execution_id == life.newest().execution_id
    assert life.state.status == "completed"


def test_forcing_rejects_what_waits_for_a_person() -> None:
    rejected = only(in_review().decide(FORCE), e.HitlResponse)
    assert (rejected.action, rejected.response) == ("rejected", "The project was force-completed")


def test_a_project_that_is_paused_or_has_failed_can_be_forced() -> None:
    paused = begun()
    paused.decide(PAUSE)
    for life in (paused, failed()):
        life.decide(FORCE)
        assert (life.state.status, life.state.paused) == ("completed", False)


def test_a_completed_project_cannot_be_forced() -> None:
    with pytest.raises(c.Refused, match="completed already") as refused:
        complete().decide(FORCE)
    assert refused.value.status == 409


def test_whoever_forces_is_told_whether_there_is_something_to_bundle() -> None:
    assert begun().result(FORCE) == {"status": "completed", "artifacts_generated": False}
    assert at_last_step().result(FORCE) == {"status": "completed", "artifacts_generated": True}


@pytest.mark.parametrize("make", [in_review, at_last_step], ids=["in review", "pending"])
def test_nothing_of_a_forced_execution_goes_on_when_the_next_one_runs(make: Callable[[], Life]) -> None:
    """Neither by a late reaction to its end, nor by resuming; and the next one's end completes the project."""
    life = make()
    ended, _ = life.decide(FORCE)
    life.decide(EXECUTE)
    assert life.decide(ended) == ()
    life.tell(started(life.newest()))
    life.decide(PAUSE)
    assert life.decide(RESUME) == (e.ProjectResumed(),)
    life.happen(completed(life.newest()))
    life.answer("approved")
    (end,) = life.work(life.newest())
    assert isinstance(end, e.ProjectCompleted)
    assert (end.forced, end.message) == (False, "Project has completed successfully: all 2 steps are done")


def failed_beside_work() -> tuple[Life, e.TaskCreated]:
    """Return a project that one execution failed, and the task that another is at work on."""
    life = begun()
    first = life.newest()
    life.decide(EXECUTE)
    life.tell(started(life.newest()))
    life.fail(first)
    assert life.state.status == "failed"
    return life, life.newest()


def test_a_lost_runners_task_is_pending_in_a_project_that_has_failed_and_lost_once() -> None:
    life, task = failed_beside_work()
    lost = c.ReplaceRunner(project_id=PROJECT, task_id=task.task_id, attempt=1, runner_id=RUNNER)
    again = only(life.decide(lost), e.TaskDispatched)
    assert (again.attempt, life.state.tasks[task.task_id].status, life.state.status) == (2, "pending", "failed")
    assert life.decide(lost) == ()


@pytest.mark.parametrize("gate", [True, False])
def test_nothing_follows_what_is_finished_in_a_project_that_has_failed(gate: bool) -> None:  # noqa: FBT001 - a case
    life, task = failed_beside_work()
    assert life.happen(completed(task, gate=gate)) == ()


def test_forcing_a_project_that_has_failed_ends_what_is_at_work_in_it() -> None:
    life, task = failed_beside_work()
    stopped = only(life.decide(FORCE), e.TaskFailed)
    assert (stopped.task_id, stopped.stopped) == (task.task_id, True)
    assert life.decide(stopped) == ()


def test_cancelling_ends_the_tasks_of_all_executions() -> None:
    life = begun()
    life.decide(EXECUTE)
    life.decide(CANCEL)
    assert [task.status for task in life.state.tasks.values()] == ["failed", "failed"]
