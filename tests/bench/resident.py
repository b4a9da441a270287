"""An object that lives in a process of its own and does what it is asked, one thing after the other.

It ends with its owner: when the pipe between them closes, it is closed. With `BENCH_PROFILE=DIRECTORY` in the
environment each one writes what cProfile saw of it to a file there; the figures of such a run are no figures.
"""

import asyncio
import cProfile
import gc
import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Protocol, Self

import structlog

from bench.machine import private_mib

_READY: Final = 60.0
_TIDY: Final = "(collect garbage)"
_SPAWN: Final = multiprocessing.get_context("spawn")


class Resides(Protocol):
    """What can live in a process of its own: its methods are coroutine functions, `close` the last of them."""

    async def close(self) -> None:
        """Let go of everything."""


class Resident:
    """Makes `kind(*arguments)` in a process of its own; a context manager, which closes it in the end."""

    def __init__(self, kind: type[Resides], *arguments: Any) -> None:  # noqa: ANN401 - whatever `kind` takes
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_live, args=(theirs, kind, arguments), daemon=True)
        self._theirs = theirs

    async def __aenter__(self) -> Self:
        self._process.start()
        self._theirs.close()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._pipe.close()
        await asyncio.to_thread(self._process.join, _READY)
        self._process.kill()

    async def ask(self, method: str, *arguments: Any, deadline: float = _READY) -> Any:  # noqa: ANN401 - its own answer
        """Return what a method returns. Raises what it raised, and `TimeoutError` after so many seconds."""
        self._pipe.send((method, arguments))
        return await self._answer(method, deadline)

    async def _answer(self, method: str, deadline: float) -> Any:  # noqa: ANN401 - as above
        if not await asyncio.to_thread(self._pipe.poll, deadline):
            raise TimeoutError(f"{method} took more than {deadline:.0f} s")
        answer = self._pipe.recv()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def private_mib(self) -> float:
        """Return the memory that the process has for itself, once what is garbage was collected."""
        await self.ask(_TIDY)
        return private_mib(self._process.pid or 0)


def _live(pipe: Connection, kind: type[Resides], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal interrupts its owner, who closes it
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    directory, profile = os.environ.get("BENCH_PROFILE"), cProfile.Profile(time.process_time)
    if directory:
        profile.enable()
    asyncio.run(_obey(pipe, kind(*arguments)))
    if directory:
        profile.dump_stats(Path(directory) / f"{kind.__name__}-{os.getpid()}.prof")


async def _obey(pipe: Connection, resident: Resides) -> None:
    try:
        while True:
            method, arguments = await asyncio.to_thread(pipe.recv)
            try:
                answer = await getattr(resident, method)(*arguments) if method != _TIDY else gc.collect()
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
                answer = RuntimeError(f"{type(resident).__name__}.{method} failed: {error!r}")
            pipe.send(answer)
    except EOFError:
        await resident.close()
