"""The edge to the client library: whatever it throws while the broker goes away becomes `BusUnavailable`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiormq.exceptions import AMQPError, ChannelPreconditionFailed

from baton_runtime.bus.protocol import BusUnavailable

CLOSE_TIMEOUT: Final = 3.0
"""Seconds for a peer to take part in closing something; then it is closed without it."""


class Refused(BusUnavailable):
    """The broker will not do this, now or later."""


@contextmanager
def calling(aim: str) -> Iterator[None]:
    """Translate failures of calls to the broker; `aim` completes "RabbitMQ did not ...".

    A closing channel cancels the futures that its callers wait for. Taken for a cancellation of our own task it
    would end a supervisor silently, so the two are told apart here.
    """
    try:
        yield
    except asyncio.CancelledError:
        if cancelled_from_outside():
            raise
        raise BusUnavailable(f"RabbitMQ did not {aim}: the channel was closed. Try again later.") from None
    except ChannelPreconditionFailed as error:
        raise Refused(
            f"RabbitMQ did not {aim}: it exists with other properties ({error}). Delete it on the broker (what "
            f"was in it is sent again) and start again, or use another prefix."
        ) from error
    except (AMQPError, OSError, RuntimeError, TimeoutError) as error:
        raise BusUnavailable(f"RabbitMQ did not {aim}: {describe(error)}. Try again later.") from error


def cancelled_from_outside() -> bool:
    """Tell whether it is our own task that is being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def describe(error: BaseException | None) -> str:
    """Name an error even when it has no text, as a timeout has none."""
    return f"{type(error).__name__} {error}".strip() if error is not None else "closed"
