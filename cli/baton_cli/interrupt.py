"""Ctrl-C and SIGTERM, for work that must put things away before it ends.

The first signal cancels the work, whose `finally` clauses then stop what it started; the second ends the process at
once. Children are tied to this process by the kernel, so not even that leaves one behind.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

Value = TypeVar("Value")


def run(work: Callable[[], Coroutine[Any, Any, int]], forced: Callable[[], None] = lambda: None) -> int:
    """Run `work` and return its exit status, or 128 + the signal's number when one ended it.

    `forced` is called before the process ends at a second signal; it must not block.
    """
    before = signal.getsignal(signal.SIGINT)
    try:
        return asyncio.run(_watch(work, forced))
    finally:
        signal.signal(signal.SIGINT, before)  # asyncio leaves Python's own, which would show a traceback


async def _watch(work: Callable[[], Coroutine[Any, Any, int]], forced: Callable[[], None]) -> int:
    loop, received = asyncio.get_running_loop(), list[signal.Signals]()
    working = loop.create_task(work())

    def interrupt(number: signal.Signals) -> None:
        if received:
            _end(number, forced)
        received.append(number)
        working.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt, number)
    await asyncio.wait([working])
    if received and (working.cancelled() or working.exception()):
        return 128 + received[0]  # what broke while it was being put away matters to nobody any more
    return working.result()


def _end(number: signal.Signals, forced: Callable[[], None]) -> NoReturn:
    try:
        forced()
    finally:
        os._exit(128 + number)


async def to_the_end(function: Callable[..., Value], *arguments: object) -> Value:
    """Call a blocking function in a thread and wait for its end even when cancelled meanwhile."""
    calling = asyncio.create_task(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(calling)
    except asyncio.CancelledError:
        await asyncio.wait([calling])
        raise
