"""Takes `respond` commands from its queue and answers each when the decision is durable; one replica fires timers."""

import asyncio
from functools import partial
from typing import Final

from baton_contracts.commands import Expire, Respond
from baton_contracts.project import Project
from baton_contracts.routes import HITL
from baton_eventlog.leader import lead
from baton_hitl.decide import expire, respond
from baton_hitl.timers import fire_timers
from baton_runtime.host import Host
from baton_runtime.loop import Decision, Loop
from baton_runtime.messages import Inbound, MalformedMessage

_PREFETCH: Final = 200


def decide(state: Project, inbound: Inbound) -> Decision:
    """Decide one command; whoever sent it is told the request's new status, and as whom they gave it."""
    if isinstance(inbound.what, Expire):
        return Decision(expire(state, inbound.what))
    if not isinstance(inbound.what, Respond):
        raise MalformedMessage(f"The hitl service takes no {type(inbound.what).__name__}")
    events = respond(state, inbound.what)
    request_id, action = str(inbound.what.request_id), inbound.what.action
    return Decision(events, {"request_id": request_id, "new_status": action, "responded_by": inbound.actor})


class HitlService:
    """Human decisions."""

    name = HITL

    async def run(self, host: Host) -> None:
        """Serve until cancelled."""
        loop = Loop(HITL, host.pool, host.appender, decide)
        await host.bus.declare([HITL])
        await host.bus.consume(HITL, loop.take, prefetch=_PREFETCH)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(loop.run())
            tasks.create_task(lead(host.dsn, "timers", partial(fire_timers, host, loop)))
