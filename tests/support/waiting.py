"""Waiting for something to become true, with a deadline."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(holds: Callable[[], bool], *, seconds: float = 15) -> None:
    """Return once `holds()`; raises `TimeoutError` after `seconds`."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0.005)


async def eventually(holds: Callable[[], Awaitable[bool]], *, seconds: float = 15) -> None:
    """Return once what `holds()` gives is true; raises `TimeoutError` after `seconds`."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0.05)
