"""What frames and snapshots of one project mean, as lines to tell. Pure: it knows no socket and no terminal.

Frames say most; who handed what to whom is read from a snapshot, the project's state (`behind` says when one is
needed). A snapshot is newer than the frames that wait to be heard: `catch_up` takes from it only what was heard of.
Snapshots alone tell everything that matters too (`see`), so missed frames cost details and never the outcome.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from baton_cli.lines import Decided, Gate, Handoff, Line, Message, Note, Progress

Json = Mapping[str, Any]
PERSON: Final = "you"
_MADE: Final = {"spec": "software specification", "plan": "implementation plan", "code": "code", "log": "test report"}


class Story:
    """One project, as far as it was heard and seen."""

    def __init__(self, project_id: str) -> None:
        self.outcome: Literal["active", "completed", "failed"] = "active"
        self.reason = ""
        self.working: dict[str, Progress] = {}
        self._project_id = project_id
        self._agents: dict[str, str] = {}  # who does a task
        self._unknown: set[str] = set()  # tasks heard of that no snapshot showed yet
        self._said: dict[str, str] = {}  # an agent's last words
        self._requests: dict[str, str] = {}  # how a request stands
        self._asks_about: dict[str, str] = {}  # whose work a request is about

    @property
    def behind(self) -> bool:
        """Whether a task was heard of that is not known yet."""
        return bool(self._unknown)

    @property
    def status(self) -> str:
        """What is going on while nobody works."""
        if self.outcome == "completed":
            return "waiting for the ZIP"
        waits = "pending" in self._requests.values()
        return "waiting for a person's decision" if waits else "waiting for the next agent"

    def hear(self, frame: Json) -> list[Line]:
        """Return what a frame says; one of another project says nothing."""
        tell = getattr(self, f"_{frame.get('event_type')}", None)
        if tell is None or frame.get("project_id") != self._project_id:
            return []
        return list(tell(frame))

    def catch_up(self, project: Json) -> list[Line]:
        """Return the handoffs in a snapshot up to the tasks that were heard of, and nothing that came after."""
        heard = [number for number, task in enumerate(project["tasks"], 1) if task["id"] in self._unknown]
        return self._handoffs(project, max(heard, default=0))

    def see(self, project: Json) -> list[Line]:
        """Return what a snapshot says beyond what is known."""
        lines = self._handoffs(project, len(project["tasks"]))
        self._end(project["status"], project.get("reason") or "")
        return lines

    def _handoffs(self, project: Json, count: int) -> list[Line]:
        made = {artifact["task_id"]: _MADE.get(artifact["artifact_type"], "work") for artifact in project["artifacts"]}
        tasks, lines = project["tasks"][:count], list[Line]()
        for task, before in zip(tasks, [None, *tasks], strict=False):
            if task["id"] not in self._agents:
                self._agents[task["id"]] = task["agent_type"]
                lines.append(_handoff(task, before, made))
        self._unknown -= self._agents.keys()
        return lines

    def ask(self, requests: Iterable[Json]) -> list[Line]:
        """Return what the project's requests say beyond what is known."""
        lines: list[Line] = []
        for request in requests:
            lines += self._asked(request["request_id"], request["task_id"], request["question"])
            if request["status"] != "pending":
                lines += self._decided(request["request_id"], request["status"], request["response_content"] or "")
        return lines

    def _end(self, status: str, reason: str) -> None:
        if status in ("completed", "failed"):
            self.outcome = "completed" if status == "completed" else "failed"
            self.reason = self.reason or reason
            self.working.clear()

    def _agent_status_change(self, frame: Json) -> Iterator[Line]:
        agent, status, task_id = frame["agent_type"], frame["data"]["status"], frame["data"]["current_task_id"]
        if status != "working":
            self.working.pop(agent, None)
        elif agent not in self.working:
            self.working[agent] = Progress(agent, 0, "")
            self._unknown |= {task_id} - self._agents.keys() - {None}
        return iter(())

    def _new_message(self, frame: Json) -> Iterator[Line]:
        self._said[frame["agent_type"]] = frame["message"]
        yield Message(frame["agent_type"], frame["message"])

    def _task_progress(self, frame: Json) -> Iterator[Line]:
        agent = self._agents.get(frame["task_id"])
        if agent is None:
            return
        progress = Progress(agent, frame["progress"], frame["stage"].replace("_", " "))
        if agent in self.working:
            self.working[agent] = progress
        yield progress

    def _hitl_request(self, frame: Json) -> Iterator[Line]:
        yield from self._asked(frame["request_id"], frame["task_id"], frame["question"])

    def _asked(self, request_id: str, task_id: str, question: str) -> Iterator[Line]:
        if request_id in self._requests:
            return
        agent = self._agents.get(task_id, "agent")
        self._requests[request_id] = "pending"
        self._asks_about[request_id] = agent
        said = self._said.get(agent, "")
        yield Gate(request_id, task_id, question.removesuffix(said).strip())

    def _hitl_response(self, frame: Json) -> Iterator[Line]:
        data = frame["data"]
        yield from self._decided(data["request_id"], data["action"], data["response"])

    def _decided(self, request_id: str, action: str, text: str) -> Iterator[Line]:
        if self._requests.get(request_id) == action:
            return
        self._requests[request_id] = action
        yield Decided(request_id, action, text)
        if action == "amended":
            yield Handoff(PERSON, self._asks_about.get(request_id, "agent"), "the same again, with your words")

    def _workflow_event(self, frame: Json) -> Iterator[Line]:
        data = frame["data"]
        self._end(data["event"].removeprefix("project_"), data["message"])
        yield Note(data["message"])


def _handoff(task: Json, before: Json | None, made: Mapping[str, str]) -> Handoff:
    """Return how a task came to its agent: from a person, from the agent before, or back after a rejection."""
    if before is None:
        return Handoff(PERSON, task["agent_type"], "product idea")
    if before["agent_type"] == task["agent_type"]:
        return Handoff(PERSON, task["agent_type"], "the same again, with the reason of the rejection")
    return Handoff(before["agent_type"], task["agent_type"], made.get(before["id"], "work"))
