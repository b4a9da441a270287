"""Whether a project is complete is read off its steps, never off its texts."""

from typing import Any

import pytest

from baton_contracts import commands as c
from baton_contracts import events as e
from support.lives import Life, at_last_step, begun, complete, failed, in_review
from support.stories import PROJECT, completed, started

CHECK = c.CheckCompletion(project_id=PROJECT)
EXECUTE = c.ExecuteWorkflow(project_id=PROJECT, workflow_id="two-steps", context={}, parameters={})
NAMES = ["project_completed", "all_steps_completed", "no_open_tasks", "no_pending_requests", "artifacts_available"]


def checked(life: Life) -> tuple[bool, dict[str, bool], dict[str, str]]:
    """Check; return the verdict, what is met, and the details."""
    result: dict[str, Any] = life.result(CHECK)
    found = result["completion_indicators"]
    assert [one["indicator"] for one in found] == NAMES
    met = {one["indicator"]: one["met"] for one in found}
    return result["is_complete"], met, {one["indicator"]: one["detail"] for one in found}


def test_a_new_project_is_not_complete() -> None:
    is_complete, met, details = checked(begun())
    assert not is_complete
    assert [name for name in NAMES if met[name]] == ["no_pending_requests"]
    assert details["all_steps_completed"] == "0 of 2 steps are completed"
    assert details["no_open_tasks"] == "Open tasks: 1"


def test_a_project_that_waits_for_a_person_says_so() -> None:
    _, met, details = checked(in_review())
    assert not met["no_pending_requests"]
    assert details["no_pending_requests"] == "Requests that wait for a person: 1"


def test_a_step_counts_once_however_often_it_was_done() -> None:
    life = in_review()
    life.answer("rejected")
    life.work(life.newest())
    life.answer("approved")
    assert checked(life)[2]["all_steps_completed"] == "1 of 2 steps are completed"


def test_a_complete_project_with_a_bundle_meets_everything() -> None:
    life = complete()
    file = e.BundledFile(name="README.md", type="documentation", size=1, sha256="0")
    life.tell(e.ArtifactsGenerated(sha256="0", size=1, of_version=1, files=(file,)))
    is_complete, met, details = checked(life)
    assert is_complete
    assert all(met.values())
    assert details["artifacts_available"] == "Files in the newest bundle: 1"


@pytest.mark.parametrize("words", ["Project complete", "All tasks are done. COMPLETED."])
def test_no_text_completes_a_project(words: str) -> None:
    life = begun()
    task = life.newest()
    life.tell(started(task), e.AgentMessage(task_id=task.task_id, agent_type="analyst", message=words))
    assert not checked(life)[0]
    assert life.state.status == "active"


def test_a_project_of_which_only_the_word_is_missing_is_completed() -> None:
    life = at_last_step()
    task = life.newest()
    life.tell(started(task), completed(task))
    (end,) = life.decide(CHECK)
    assert isinstance(end, e.ProjectCompleted)
    assert (end.execution_id, end.forced) == (task.execution_id, False)
    assert checked(life)[0]


def test_a_paused_project_is_not_completed_by_looking() -> None:
    life = at_last_step()
    life.tell(started(life.newest()), completed(life.newest()), e.ProjectPaused())
    assert life.decide(CHECK) == ()
    is_complete, met, details = checked(life)
    assert not is_complete
    assert met["all_steps_completed"]
    assert details["project_completed"] == "The project is paused"


def test_the_steps_of_all_executions_count() -> None:
    life = at_last_step()
    task = life.newest()
    life.decide(EXECUTE)
    life.tell(started(task), completed(task))
    is_complete, met, details = checked(life)
    assert not is_complete
    assert not met["all_steps_completed"]
    assert details["all_steps_completed"] == "2 of 4 steps are completed"


def test_a_project_that_has_failed_can_be_checked() -> None:
    is_complete, met, details = checked(failed())
    assert not is_complete
    assert met["no_open_tasks"]
    assert details["project_completed"] == "The project is failed"


def test_a_forced_project_is_complete_though_its_steps_are_not() -> None:
    life = begun()
    life.decide(c.ForceComplete(project_id=PROJECT))
    is_complete, met, details = checked(life)
    assert is_complete
    assert not met["all_steps_completed"]
    assert details["all_steps_completed"] == "0 of 2 steps are completed"
