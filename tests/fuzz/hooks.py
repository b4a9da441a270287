"""What a sensible client does and chance would not: a key of its own for every request, a position that exists."""

import re
from typing import Any
from uuid import uuid4

import schemathesis
from schemathesis import GenerationMode

KEY = "Idempotency-Key"


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Two requests under one key are refused, as they should be; a position beyond the head is 503 after 2 s."""
    if case.headers and re.fullmatch(r"[!-~]{1,255}", str(case.headers.get(KEY, ""))):
        case.headers[KEY] = str(uuid4())
    if case.query and re.fullmatch(r"\d{1,18}", str(case.query.get("min_position", ""))):
        case.query["min_position"] = "1"
    if case.query and case._meta and case._meta.generation.mode is GenerationMode.POSITIVE:
        case.query.pop("cursor", None)  # only a page of a list makes one
    if case.query and case._meta and case._meta.generation.mode is GenerationMode.NEGATIVE:
        case.query.update({name: "" for name, value in case.query.items() if _is_left_out(value)})
    case._sync_validated_hashes()  # a request that fitted still does, and one that did not does not


def _is_left_out(value: object) -> bool:
    """Tell whether the client would not send a parameter at all, so that what is wrong with the request is gone."""
    return value is None or (isinstance(value, list | tuple | dict) and all(map(_is_left_out, value)))
