"""From a request to the command's owner and back.

The message id follows from the principal and the `Idempotency-Key`, so a request that is sent again with its key
leads to the same command, has one effect and gets the same answer. Without a key every request is a new command.
"""

import re
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID

from aiohttp import web
from uuid_utils.compat import uuid7

from baton_contracts.commands import Command, CommandReply
from baton_contracts.ids import derive_id
from baton_gateway.min_position import SHOWN_WITHIN
from baton_gateway.principal import Principal
from baton_gateway.problems import Unavailable, invalid
from baton_gateway.route import Call
from baton_runtime.bus import BusUnavailable, Unroutable
from baton_runtime.messages import command_message

DEADLINE: Final = 10.0
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


def message_id_of(request: web.Request, principal: Principal) -> UUID:
    """Return the id of the command that a request amounts to. Raises `Invalid` for a key that is none."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return uuid7()
    if not _KEY.fullmatch(key):
        raise invalid("/headers/Idempotency-Key", "it must be 1 to 255 visible ASCII characters")
    return derive_id(NAMESPACE_URL, f"baton:{principal.tenant}:{principal.actor}:{key}")


async def order(
    call: Call[Any, Any], command: Command, message_id: UUID, *, deadline: float = DEADLINE
) -> CommandReply:
    """Have the owner decide a command; return its answer when the tables show it, or 2 s later all the same.

    Raises `Refused` where the owner said no, `Unavailable` where it did not answer within `deadline` seconds.
    """
    reply = await _ask(call, command, message_id, deadline)
    if reply.problem:
        raise reply.problem.refusal()
    await call.gateway.freshness.wait(reply.position, timeout=SHOWN_WITHIN)
    return reply


async def _ask(call: Call[Any, Any], command: Command, message_id: UUID, deadline: float) -> CommandReply:
    message = command_message(command, message_id, call.principal.actor)
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
