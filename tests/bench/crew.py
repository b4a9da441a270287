"""Processes of our own that start their work at one moment and say at the end what they saw."""

import asyncio
import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from typing import Any, Final, Self

_READY: Final = 60.0
_SPAWN: Final = multiprocessing.get_context("spawn")
Start = Callable[[], None]


class Crew:
    """One process a call of `work(start, *arguments)`; `work` calls `start` when it is ready, and returns what it saw.

    `work` is a plain function of a module. A member that fails, or is not ready within a minute, fails the crew.
    """

    def __init__(self, work: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> None:
        self._barrier = _SPAWN.Barrier(len(calls) + 1)
        self._answers: Any = _SPAWN.Queue()
        self._members = [
            _SPAWN.Process(target=_serve, args=(work, self._barrier, self._answers, arguments), daemon=True)
            for arguments in calls
        ]

    async def __aenter__(self) -> Self:
        for member in self._members:
            member.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for member in self._members:
            await asyncio.to_thread(member.join, 10)
            member.kill()
            member.close() if member.exitcode is not None else None

    async def start(self) -> None:
        """Wait until all are ready, and let them start."""
        await asyncio.to_thread(self._barrier.wait, _READY)

    async def answers(self, deadline: float) -> list[Any]:
        """Return what the members saw, in any order, within so many seconds. Raises what a member raised."""
        answers = [await asyncio.to_thread(self._answers.get, timeout=deadline) for _ in self._members]
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers


def _serve(work: Callable[..., Any], barrier: Barrier, answers: Any, arguments: tuple[Any, ...]) -> None:  # noqa: ANN401
    def start() -> None:
        barrier.wait(_READY)

    try:
        answers.put(work(start, *arguments))
    except Exception as error:
        barrier.abort()
        answers.put(RuntimeError(f"A member of the crew failed: {error!r}"))
        raise
