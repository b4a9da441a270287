"""What a runner may write, by given, when, then."""

from uuid import UUID

import pytest

from baton_agent_runner.decide import EndTask, Payloads, ReportProgress, decide
from baton_contracts import events as e
from baton_contracts.commands import CreateProject, StartTask
from baton_contracts.handoffs import HandoffSchema, Json
from baton_contracts.project import Project
from baton_orchestrator.decide import decide as orchestrate
from support.stories import PROJECT, RUNNER, OneWorkflow, completed, fold, only, origin, started

CREATE = CreateProject(
    project_id=PROJECT, name="N", product_idea="An idea", tenant="default", workflow_id="two-steps", team_id=None
)
STORY = orchestrate(Project(), CREATE, origin("create"), OneWorkflow())
TASK = only(STORY, e.TaskCreated)
OTHER = UUID(int=9)


def start(attempt: int = 1, handoff: HandoffSchema = TASK.handoff) -> StartTask:
    return StartTask(project_id=PROJECT, task_id=TASK.task_id, attempt=attempt, runner_id=RUNNER, handoff=handoff)


def end(attempt: int = 1, runner: UUID = RUNNER) -> EndTask:
    return EndTask(
        project_id=PROJECT, task_id=TASK.task_id, attempt=attempt, runner_id=runner, end=completed(TASK, attempt)
    )


def test_a_pending_task_is_started() -> None:
    (begun,) = decide(fold(*STORY), start())
    assert isinstance(begun, e.TaskStart)
    assert (begun.runner_id, begun.attempt) == (RUNNER, 1)


@pytest.mark.parametrize(
    "story",
    [
        (),
        (*STORY, started(TASK)),
        (*STORY, started(TASK), completed(TASK)),
        (*STORY, e.ProjectFailed(reason="cancelled")),
        (*STORY, e.ProjectPaused()),
    ],
    ids=["absent", "working", "completed", "project over", "project paused"],
)
def test_a_task_that_is_not_to_be_had_is_not_started(story: Payloads) -> None:
    assert decide(fold(*story), start()) == ()


def test_a_task_that_went_out_again_is_started_when_the_project_is_resumed() -> None:
    again = e.TaskDispatched(
        task_id=TASK.task_id, agent_type="analyst", attempt=2, gate=True, reason="resumed", handoff=TASK.handoff
    )
    state = fold(*STORY, e.ProjectPaused(), e.ProjectResumed(), again)
    assert decide(state, start()) == ()
    assert only(decide(state, start(attempt=2)), e.TaskStart).attempt == 2


def test_an_old_attempt_is_not_started() -> None:
    assert decide(fold(*STORY), start(attempt=2)) == ()


@pytest.mark.parametrize(
    ("kind", "content", "word"),
    [
        ("product_idea", {"idea": "?"}, "product_idea"),
        ("product_idea", {}, "product_idea"),
        ("poetry", {}, "poetry"),
    ],
)
def test_a_handoff_that_does_not_fit_fails_the_task_and_says_where(kind: str, content: Json, word: str) -> None:
    handoff = TASK.handoff.model_copy(update={"handoff_type": kind, "content": content})
    (failed,) = decide(fold(*STORY), start(handoff=handoff))
    assert isinstance(failed, e.TaskFailed)
    assert word in failed.reason


def test_the_end_is_written_once_by_whoever_started() -> None:
    working = fold(*STORY, started(TASK))
    assert decide(working, end()) == (completed(TASK),)
    assert decide(fold(*STORY, started(TASK), completed(TASK)), end()) == ()


def test_what_is_at_work_when_the_project_is_paused_is_finished() -> None:
    assert decide(fold(*STORY, started(TASK), e.ProjectPaused()), end()) == (completed(TASK),)


def test_what_is_at_work_when_the_project_fails_is_finished() -> None:
    """Another execution's task may have failed it."""
    assert decide(fold(*STORY, started(TASK), e.ProjectFailed(reason="of another")), end()) == (completed(TASK),)


def test_what_a_person_ended_is_not_ended_again() -> None:
    stopped = e.TaskFailed(task_id=TASK.task_id, agent_type="analyst", attempt=1, reason="enough", stopped=True)
    cancelled = e.ProjectFailed(reason="Cancelled: enough", cancelled=True)
    assert decide(fold(*STORY, started(TASK), stopped, cancelled), end()) == ()


def test_another_runner_and_an_old_attempt_are_fenced() -> None:
    working = fold(*STORY, started(TASK, 1, OTHER))
    assert decide(working, end()) == ()
    again = e.TaskDispatched(
        task_id=TASK.task_id, agent_type="analyst", attempt=2, gate=True, reason="lost", handoff=TASK.handoff
    )
    assert decide(fold(*STORY, started(TASK), again, started(TASK, 2, OTHER)), end()) == ()


def test_progress_is_written_while_at_work() -> None:
    report = ReportProgress(
        project_id=PROJECT, task_id=TASK.task_id, attempt=1, runner_id=RUNNER, progress=50, stage="half"
    )
    (progress,) = decide(fold(*STORY, started(TASK)), report)
    assert isinstance(progress, e.TaskProgress)
    assert decide(fold(*STORY), report) == ()
