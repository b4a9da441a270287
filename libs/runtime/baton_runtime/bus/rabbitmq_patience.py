"""Waiting for a link: what a service sets up when it starts must not fail for a hiccup of the broker.

What the broker refuses is raised at once, because it would refuse it again; everything else is tried again over
whatever link there is then, until the deadline.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from baton_runtime.bus.protocol import BusUnavailable
from baton_runtime.bus.rabbitmq_calls import Refused
from baton_runtime.bus.rabbitmq_link import Link

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
_PAUSE: Final = 0.1


async def patiently(link: Callable[[], Link], call: Callable[[Link], Awaitable[None]], *, timeout: float) -> None:
    """Make a call over the link that `link` returns, again for `timeout` seconds while one of the two fails.

    Raises `Refused` at once, and the last `BusUnavailable` past the deadline.
    """
    trouble = BusUnavailable("RabbitMQ did not answer in time. Try again later.")
    try:
        async with asyncio.timeout(timeout):
            while True:
                try:
                    return await call(link())
                except Refused:
                    raise
                except BusUnavailable as error:
                    trouble = error
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        raise trouble from None


def pause(failures: int) -> float:
    """Seconds until the next attempt: doubling up to `LONGEST_PAUSE`, shortened at random by up to a half."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 (jitter, so that not everybody knocks at once)
