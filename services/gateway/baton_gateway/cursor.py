"""Cursors of lists: where a page ended, as an opaque text.

It holds the order, the sort key and the id of the last entry, so that a page begins after that entry whatever was
added meanwhile. Only a text that was made here is read, and only for the order that it was made for.
"""

import base64
import json
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from baton_gateway.problems import Invalid, invalid

Key = str | datetime
MAX_LENGTH: Final = 4096
_NO_ID: Final = UUID(int=0)


def write_cursor(order: str, key: Key, entry_id: UUID) -> str:
    """Return the cursor of the page after an entry."""
    text = key.isoformat() if isinstance(key, datetime) else key
    where = json.dumps([order, text, str(entry_id)], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(where).decode().rstrip("=")


def read_cursor(cursor: str | None, order: str, kind: type[Key]) -> tuple[Key | None, UUID]:
    """Return the key, of its kind, and the id after which a page begins; no key without a cursor. Raises `Invalid`."""
    if cursor is None:
        return None, _NO_ID
    try:
        of, text, entry_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        key, found = _key(str(text), kind), UUID(str(entry_id))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise _broken() from error
    if write_cursor(str(of), key, found) != cursor:
        raise _broken()
    if of != order:
        raise invalid("/query/cursor", "it is of this list in another order")
    return key, found


def _key(text: str, kind: type[Key]) -> Key:
    """Return a key that PostgreSQL takes. Raises `ValueError`."""
    if kind is datetime:
        return datetime.fromisoformat(text).astimezone(UTC)
    if "\0" in text or not text.encode():
        raise ValueError("no name is like this")
    return text


def _broken() -> Invalid:
    return invalid("/query/cursor", "it is none of the cursors that a page of this list ends with")
