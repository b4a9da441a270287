"""From a request to the command's owner and back.

The message id follows from the principal and the `Idempotency-Key`, so a request that is sent again with its key
leads to the same command, has one effect and gets the same answer. Without a key every request is a new command.
"""

from typing import Any, Final
from uuid import UUID

from baton_contracts.commands import Command, CommandReply
from baton_gateway.idempotency import claim, message_id_of
from baton_gateway.min_position import SHOWN_WITHIN
from baton_gateway.problems import Unavailable
from baton_gateway.route import Call
from baton_runtime.bus import BusUnavailable, Unroutable
from baton_runtime.messages import command_message

DEADLINE: Final = 10.0


async def order(
    call: Call[Any, Any], command: Command, message_id: UUID | None = None, *, deadline: float = DEADLINE
) -> CommandReply:
    """Have the owner decide a command; return its answer when the tables show it, or 2 s later all the same.

    `message_id` is the request's own where what it names is derived from it. Raises `Refused` where the owner said no
    or the request's key was used for another, `Unavailable` where no answer came within `deadline` seconds.
    """
    message_id = message_id or message_id_of(call.request, call.principal)
    await claim(call)
    reply = await _ask(call, command, message_id, deadline)
    if reply.problem:
        raise reply.problem.refusal()
    await call.gateway.freshness.wait(reply.position, timeout=SHOWN_WITHIN)
    return reply


async def _ask(call: Call[Any, Any], command: Command, message_id: UUID, deadline: float) -> CommandReply:
    message = command_message(command, message_id, call.principal.actor, call.principal.tenant)
    try:
        reply = await call.gateway.host.bus.request(command.owner, message, timeout=deadline)
    except TimeoutError as error:
        raise Unavailable(
            f"The {command.owner} service did not answer within {deadline:.0f} s; it may still do what was asked. "
            "Send the request again with the same Idempotency-Key."
        ) from error
    except (BusUnavailable, Unroutable) as error:
        raise Unavailable(f"The {command.owner} service cannot be reached at the moment; try again soon.") from error
    return CommandReply.model_validate_json(reply.body)
