"""One project on its way from idea to ZIP, as a client of a gateway sees it.

The socket says what happens, in order; a look at the project's state every second without a word, and after every gap,
makes sure that nothing hangs. What is seen so waits a moment: frames on their way tell it better. A gateway that goes
away in the middle has a minute to come back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

from baton_cli import bundle
from baton_cli.client import Gateway, Json, Refused, Socket, Unreachable
from baton_cli.lines import Decided, Gate, Line, Note
from baton_cli.review import Reviewer
from baton_cli.screen import Screen
from baton_cli.story import Story
from baton_cli.trouble import Trouble

Value = TypeVar("Value")
_PATIENCE: Final = 1.0
_PAUSE: Final = 0.5
_ON_ITS_WAY: Final = 0.3
_OUTAGE: Final = 60.0
_BUNDLE: Final = 60.0
_CONFLICT: Final = 409


async def carry(gateway: Gateway, screen: Screen, reviewer: Reviewer, idea: str, out: Path) -> Path:
    """Return the ZIP in the folder `out`. Raises `Trouble` when the project fails or the gateway stays away."""
    await gateway.greet()
    async with gateway.listen() as socket:
        project_id = await gateway.create(idea)
        screen.tell(Note(f"Project {project_id} at {gateway.url}"))
        await Journey(gateway, screen, reviewer, project_id).follow(socket)
        await _await_bundle(gateway, project_id, socket)
    return await _save(gateway, project_id, out)


class Journey:
    """One project that is followed to its end."""

    def __init__(self, gateway: Gateway, screen: Screen, reviewer: Reviewer, project_id: UUID) -> None:
        self._gateway = gateway
        self._screen = screen
        self._reviewer = reviewer
        self._id = project_id
        self._story = Story(str(project_id))
        self._reviews: dict[str, asyncio.Task[None]] = {}
        self._handed_in: set[str] = set()  # requests that this side has answered

    async def follow(self, socket: Socket) -> None:
        """Tell all until the project is complete. Raises `Trouble` when it fails."""
        self._screen.show(self._story.status, self._story.working)
        async with asyncio.TaskGroup() as tasks:
            while self._story.outcome == "active":
                await self._go_on(socket, tasks)
            for review in self._reviews.values():
                review.cancel()
        if self._story.outcome == "failed":
            raise Trouble(f"The project failed. {self._story.reason}")

    async def _go_on(self, socket: Socket, tasks: asyncio.TaskGroup) -> None:
        frame = await socket.next(_PATIENCE)
        await (self._hear(frame, tasks) if frame else self._look(socket, tasks))

    async def _hear(self, frame: Json, tasks: asyncio.TaskGroup) -> None:
        lines = self._story.hear(frame)
        if self._story.behind:
            lines += self._story.catch_up(await _patiently(self._gateway.project, self._id))
        self._tell(lines, tasks)

    async def _look(self, socket: Socket, tasks: asyncio.TaskGroup) -> None:
        """Read the project's state, and who is asked what; tell it after the frames that came meanwhile."""
        project = await _patiently(self._gateway.project, self._id)
        asked = any(task["status"] == "waiting_for_hitl" for task in project["tasks"])
        requests = await _patiently(self._gateway.requests, self._id) if asked else []
        await self._hear_what_is_on_its_way(socket, tasks)
        self._tell(self._story.see(project) + self._story.ask(requests), tasks)

    async def _hear_what_is_on_its_way(self, socket: Socket, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + _ON_ITS_WAY
        while (left := end - loop.time()) > 0:
            if frame := await socket.next(left):
                await self._hear(frame, tasks)

    def _tell(self, lines: Iterable[Line], tasks: asyncio.TaskGroup) -> None:
        self._screen.show(self._story.status, self._story.working)
        for line in lines:
            self._screen.tell(line)
            if isinstance(line, Gate):
                self._reviews[line.request_id] = tasks.create_task(self._review(line))
            elif isinstance(line, Decided) and (review := self._reviews.pop(line.request_id, None)):
                self._leave(review, line.request_id)

    def _leave(self, review: asyncio.Task[None], request_id: str) -> None:
        """End a question that somebody else has answered."""
        if request_id not in self._handed_in and review.cancel():
            self._screen.tell(Note("Somebody else has answered that."))

    async def _review(self, gate: Gate) -> None:
        """Get a decision on what the task made, and hand it in."""
        project = await _patiently(self._gateway.project, self._id)
        decision = await self._reviewer.decide(gate, _made(project, gate.task_id))
        self._handed_in.add(gate.request_id)
        try:
            await _patiently(self._gateway.respond, gate.request_id, decision.action, decision.text)
        except Refused as refusal:
            if refusal.status != _CONFLICT:
                raise
            self._screen.tell(Note("That was answered already; it is the first answer that counts."))


def _made(project: Mapping[str, Any], task_id: str) -> Mapping[str, Any]:
    return next((one["content"] for one in project["artifacts"] if one["task_id"] == task_id), {})


async def _patiently(call: Callable[..., Awaitable[Value]], *arguments: object) -> Value:
    """Ask a gateway that may be away for a minute."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _OUTAGE
    while True:
        try:
            return await call(*arguments)
        except Unreachable:
            if loop.time() > deadline:
                raise
            await asyncio.sleep(_PAUSE)


async def _await_bundle(gateway: Gateway, project_id: UUID, socket: Socket) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _BUNDLE
    while not await _patiently(gateway.files, project_id):
        if loop.time() > deadline:
            raise Trouble(
                f"The project is complete, but no ZIP of it was made within {_BUNDLE:.0f} s. Its work is kept: ask "
                f"for the ZIP with POST {gateway.url}/api/v1/artifacts/{project_id}/generate"
            )
        await socket.next(_PATIENCE)


async def _save(gateway: Gateway, project_id: UUID, out: Path) -> Path:
    """Download the whole ZIP, then put it where it belongs."""
    part = bundle.unfinished(out)
    try:
        name = await gateway.download(project_id, part)
        bundle.check(part)
        return part.replace(bundle.place(out, name, str(project_id)))
    finally:
        part.unlink(missing_ok=True)
