"""What `baton run` tells: frames and snapshots become lines, and the ZIP finds its place."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from baton_cli import bundle
from baton_cli.document import markdown_of
from baton_cli.lines import Decided, Gate, Handoff, Message, Note, Progress
from baton_cli.screen import harmless
from baton_cli.story import Story
from baton_cli.trouble import Trouble
from baton_contracts import events as e
from baton_contracts.frames import frames_of

PROJECT, TASK, NEXT, REQUEST = (UUID(int=number) for number in range(1, 5))
QUESTION = e.HitlRequest(
    request_id=REQUEST, task_id=TASK, agent_type="analyst", question="Please review it. I found two entities."
)


def frames(payload: e.Payload, project_id: UUID = PROJECT) -> list[dict[str, Any]]:
    """Return what a gateway sends for an event."""
    return frames_of(e.Event(uuid4(), project_id, datetime.now(UTC), 1, 1, "system", None, None, payload))


def hear(story: Story, payload: e.Payload, project_id: UUID = PROJECT) -> list[object]:
    """Let a story hear all frames of an event."""
    return [line for frame in frames(payload, project_id) for line in story.hear(frame)]


def start(task_id: UUID, agent: str) -> e.TaskStart:
    return e.TaskStart(task_id=task_id, agent_type=agent, attempt=1, runner_id=uuid4(), message="On it")


def snapshot(*agents: str, status: str = "active", reason: str | None = None) -> dict[str, Any]:
    """Return a project with a task an agent, the first of which made a specification."""
    tasks = [{"id": str(UUID(int=2 + number)), "agent_type": agent} for number, agent in enumerate(agents)]
    artifacts = [{"task_id": str(TASK), "artifact_type": "spec"}]
    return {"tasks": tasks, "artifacts": artifacts, "status": status, "reason": reason}


def test_a_task_nobody_saw_before_asks_for_a_look() -> None:
    """The handoff is in the snapshot; then the story is not behind any more."""
    story = Story(str(PROJECT))
    assert story.see(snapshot("analyst")) == [Handoff("you", "analyst", "product idea")]
    before = story.behind
    hear(story, start(NEXT, "architect"))
    assert (before, story.behind) == (False, True)
    later = snapshot("analyst", "architect", "coder", status="completed")
    assert story.catch_up(later) == [Handoff("analyst", "architect", "software specification")]
    assert (story.behind, story.outcome) == (False, "active")
    assert story.catch_up(later) == []
    assert [type(line) for line in story.see(later)] == [Handoff]
    assert story.outcome == "completed"


def test_a_step_done_again_comes_from_a_person() -> None:
    """A second task of the same agent is a rejection's."""
    story = Story(str(PROJECT))
    story.see(snapshot("analyst"))
    (line,) = story.see(snapshot("analyst", "analyst"))
    assert isinstance(line, Handoff)
    assert (line.source, line.target) == ("you", "analyst")


def test_messages_and_progress_are_told_in_order() -> None:
    """What an agent says, then how far it is; it works until it is done."""
    story = Story(str(PROJECT))
    story.see(snapshot("analyst"))
    assert hear(story, start(TASK, "analyst")) == [Message("analyst", "On it"), Progress("analyst", 10, "started")]
    hear(story, e.TaskProgress(task_id=TASK, agent_type="analyst", progress=40, stage="reading_the_idea"))
    assert story.working == {"analyst": Progress("analyst", 40, "reading the idea")}
    hear(story, e.TaskFailed(task_id=TASK, agent_type="analyst", attempt=1, reason="No."))
    assert story.working == {}


def test_a_gate_is_told_once_however_it_is_heard() -> None:
    """By frame or by look; what the agent just said is not repeated in the question."""
    story = Story(str(PROJECT))
    story.see(snapshot("analyst"))
    hear(story, e.AgentMessage(task_id=TASK, agent_type="analyst", message="I found two entities."))
    assert story.status == "waiting for the next agent"
    assert hear(story, QUESTION) == [Gate(str(REQUEST), str(TASK), "Please review it.")]
    assert story.status == "waiting for a person's decision"
    asked = {"request_id": str(REQUEST), "task_id": str(TASK), "question": QUESTION.question}
    assert story.ask([asked | {"status": "pending", "response_content": None}]) == []
    answered = asked | {"status": "amended", "response_content": "more"}
    decided, again = story.ask([answered])
    assert decided == Decided(str(REQUEST), "amended", "more")
    assert isinstance(again, Handoff)
    assert again.target == "analyst"
    assert story.ask([answered]) == []


@pytest.mark.parametrize("by_frame", [True, False])
def test_the_end_is_known_by_frame_or_by_look(*, by_frame: bool) -> None:
    """With the reason of a failure."""
    story = Story(str(PROJECT))
    if by_frame:
        assert hear(story, e.ProjectFailed(reason="The coder failed")) == [Note("The coder failed")]
    else:
        story.see(snapshot("analyst", status="failed", reason="The coder failed"))
    assert (story.outcome, story.reason) == ("failed", "The coder failed")


def test_other_projects_are_not_heard() -> None:
    """Not even their end."""
    story = Story(str(PROJECT))
    assert hear(story, e.ProjectFailed(reason="no"), UUID(int=99)) == []
    assert story.outcome == "active"


def test_text_cannot_take_over_the_terminal() -> None:
    """Escape sequences lose their escape; line ends stay."""
    assert harmless("a\x1b[2Jb\x07\nc\u202e") == "a[2Jb\nc"


def test_a_document_shows_fields_and_names_files() -> None:
    """Long code comes last, and what looks like a tag stays."""
    content = {"database_schema": "CREATE TABLE t", "requirements": ["GET /<id>"], "files": [{"path": "app.py"}]}
    text = markdown_of(content)
    assert text.index("Requirements") < text.index("```sql\nCREATE TABLE t\n```")
    assert "\\<id>" in text
    assert "`app.py`" in text


@pytest.mark.parametrize(
    ("name", "safe"),
    [("../../etc/passwd", "etc-passwd"), ("Rezepte & Küche.zip", "rezepte-küche"), ("...", "project")],
)
def test_a_name_is_a_name_and_no_path(name: str, safe: str) -> None:
    """Whatever a gateway calls its file."""
    assert bundle.safe_name(name) == safe


def test_no_project_takes_the_place_of_another(tmp_path: Path) -> None:
    """The short id is added, then the whole one; a project's own file is written again."""
    project_id = "0123456789abcdef"
    names = [bundle.place(tmp_path, "shop.zip", project_id).name for _ in range(4)]
    assert names == ["shop.zip", "shop-01234567.zip", f"shop-{project_id}.zip", f"shop-{project_id}.zip"]


def test_a_broken_zip_is_not_taken_for_one(tmp_path: Path) -> None:
    """Cut short or altered, it is refused in plain words."""
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("docs/a.txt", "a" * 100)
    bundle.check(path)
    path.write_bytes(path.read_bytes().replace(b"aaaa", b"aaab", 1))
    with pytest.raises(Trouble, match="whole"):
        bundle.check(path)
    path.write_bytes(b"PK")
    with pytest.raises(Trouble, match="whole"):
        bundle.check(path)
