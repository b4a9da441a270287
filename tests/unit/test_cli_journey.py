"""A project is followed in the order in which things happened, also where a look sees them before the socket tells."""

import asyncio
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from baton_cli import journey
from baton_cli.client import Gateway, Refused, Socket
from baton_cli.journey import Journey
from baton_cli.lines import Decided, Gate, Line, Message, Note
from baton_cli.review import Nobody
from baton_cli.screen import Screen
from baton_cli.trouble import Trouble

PROJECT, TASK, REQUEST = UUID(int=1), str(UUID(int=2)), str(UUID(int=3))
ABOUT = {"project_id": str(PROJECT)}
TOLD = ABOUT | {"event_type": "new_message", "agent_type": "analyst", "message": "Done again"}
ASKED = ABOUT | {"event_type": "hitl_request", "request_id": REQUEST, "task_id": TASK, "question": "Well?"}
ANSWER = {"request_id": REQUEST, "action": "rejected", "response": "no"}
ANSWERED = ABOUT | {"event_type": "hitl_response", "data": ANSWER}
FAILED = ABOUT | {"event_type": "workflow_event", "data": {"event": "project_failed", "message": "Over"}}


class Recorder(Screen):
    """Keeps what is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Line] = []

    def tell(self, line: Line) -> None:
        self.told.append(line)


class Scripted(Gateway):
    """A gateway whose look at the project comes before the frames, and which had an answer already."""

    def __init__(self, session: aiohttp.ClientSession, socket: Socket) -> None:
        super().__init__(session, "http://127.0.0.1")
        self._socket = socket

    async def project(self, *_: object, **__: object) -> dict[str, Any]:
        tasks = [{"id": TASK, "agent_type": "analyst", "status": "waiting_for_hitl"}]
        return {"tasks": tasks, "artifacts": [], "status": "active"}

    async def requests(self, *_: object, **__: object) -> list[dict[str, Any]]:
        asyncio.get_running_loop().call_later(0.05, self._say, TOLD, ASKED)
        return [ASKED | {"status": "pending", "response_content": None}]

    async def respond(self, *_: object, **__: object) -> None:
        asyncio.get_running_loop().call_later(0.05, self._say, ANSWERED, FAILED)
        raise Refused(409, "It was answered already")

    def _say(self, *frames: dict[str, Any]) -> None:
        for frame in frames:
            self._socket._heard.put_nowait(frame)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Follow without long silences; gives the screen."""
    monkeypatch.setattr(journey, "_PATIENCE", 0.05)
    return Recorder()


async def test_messages_go_before_the_question_and_a_late_answer_goes_on(told: Recorder) -> None:
    """What a look sees waits for the frames on their way; a 409 is said, and the first answer counts."""
    async with aiohttp.ClientSession() as session:
        socket = Socket(session)
        travel = Journey(Scripted(session, socket), told, Nobody("too late"), PROJECT)
        with pytest.raises(Trouble, match="Over"):
            await asyncio.wait_for(travel.follow(socket), 10)
    shown = [line for line in told.told if isinstance(line, Message | Gate | Decided | Note)]
    assert shown == [
        Message("analyst", "Done again"),
        Gate(REQUEST, TASK, "Well?"),
        Note("That was answered already; it is the first answer that counts."),
        Decided(REQUEST, "rejected", "no"),
        Note("Over"),
    ]
