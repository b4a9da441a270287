"""`Idempotency-Key`: the same key gives the same answer and one effect, at any gateway, while the inbox keeps it.

The id of what is asked follows from principal and key. A claim, one row in the inbox, ties that id to the request
that used it first, so a key never serves for another body or another path. A command's answer is kept by its owner
under the same id; an answer that no owner gives is kept in the claim. A request without a key costs nothing here.

The claim comes after all checks: a request that did not fit may be mended and sent with its key again.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID

from aiohttp import web
from pydantic import BaseModel
from uuid_utils.compat import uuid7

from baton_contracts.commands import KEY_REUSED
from baton_contracts.ids import derive_id
from baton_gateway.answers import json_text
from baton_gateway.principal import Principal
from baton_gateway.problems import Unavailable, invalid
from baton_gateway.reading import READS, fetch_row
from baton_gateway.route import Call

HEADER: Final = "Idempotency-Key"
KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_TRIES: Final = 3


def message_id_of(request: web.Request, principal: Principal) -> UUID:
    """Return the id of what a request asks for, a new one without a key. Raises `Invalid` for a key that is none."""
    key = request.headers.get(HEADER)
    if key is None:
        return uuid7()
    if not KEY.fullmatch(key):
        raise invalid(f"/headers/{HEADER}", "it must be 1 to 255 visible ASCII characters")
    actor = quote(principal.actor, safe="")  # a subject may hold colons, which part the three
    return derive_id(NAMESPACE_URL, f"baton:{principal.home}:{actor}:{key}")


async def claim(call: Call[Any, Any]) -> None:
    """Take the request's key for this request. Raises `Refused` (422) where another request has it."""
    if HEADER in call.request.headers:
        await _claimed(call, None)


async def answered_once(call: Call[Any, Any], make: Callable[[], BaseModel]) -> web.Response:
    """Answer with what `make` returns; with a key, with what the first request that had it was answered.

    Raises `Refused` (422) where another request has the key.
    """
    text = make().model_dump_json()
    if HEADER in call.request.headers:
        text = await _claimed(call, text) or text
    return json_text(text)


async def _claimed(call: Call[Any, Any], answer: str | None) -> str | None:
    """Take the key, with the answer to keep; return the answer that is kept."""
    message_id, asked = message_id_of(call.request, call.principal), _hash_of(call)
    for _ in range(_TRIES):  # no row: a request at the same moment has taken it, which the next look shows
        row = await fetch_row(call.gateway.host.pool, READS["claim_key"], message_id, asked, answer)
        if row and row["request_hash"] != asked:
            raise KEY_REUSED.refusal()
        if row:
            kept: str | None = row["answer"]
            return kept
    raise Unavailable("Requests with this Idempotency-Key get into each other's way; send it again.")


def _hash_of(call: Call[Any, Any]) -> str:
    """Return the sha256 of what is asked: method, path, and the body without what only says the defaults."""
    body = call.body.model_dump(mode="json", exclude_defaults=True) if call.body else {}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{call.request.method} {call.request.rel_url.raw_path} {canonical}".encode()).hexdigest()
