"""Work on a delivery outside the batch loop, for what takes too long to hold others up: it ends settled all the same.

The work itself acknowledges, or hands the delivery to the loop, which does. What does not fit, and what failed for a
fault of ours or an outage, goes back to the bus, which gives up on it after the delivery limit.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from baton_runtime.bus import Delivery
from baton_runtime.messages import MalformedMessage

log = structlog.get_logger("baton.settling")
_PAUSE: Final = 1.0  # seconds before a delivery goes back: an outage must not use up its deliveries at once
Work = Callable[[Delivery], Awaitable[None]]


async def settle(delivery: Delivery, work: Work) -> None:
    """Work on a delivery; one that is malformed goes back at once, one that failed a moment later. Never raises."""
    try:
        await work(delivery)
    except MalformedMessage as error:
        log.warning("malformed_message", reason=str(error))
        delivery.reject(str(error))
    except Exception as error:
        log.exception("delivery_failed", message_id=str(delivery.message.id))
        await asyncio.sleep(_PAUSE)
        delivery.reject(type(error).__name__)
