"""What is too large for an event: JSON beside the log, under its own sha256.

Such an event keeps `{"$blob": "<sha256>"}` where its largest texts and free JSON were, and lists these places under
its own key `$blobs`. Only listed places are references, and no payload class has a field of that name: JSON of a
person or a model that happens to say `$blob` or `$blobs` is never taken for one. Keys are sorted before hashing, so
equal JSON is one blob whoever wrote it. The digests are part of the payload, so the hash chain covers the blobs too.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from baton_contracts.events import Payload
from baton_contracts.handoffs import Json

LISTED: Final = "$blobs"
_WORTH: Final = 1 << 10  # what is shorter, in bytes, would hardly be shorter as a reference
_REFERENCE: Final = 256  # bytes that a reference takes at most, short paths given
Path = tuple[str | int, ...]


class BlobMissing(Exception):
    """An event names a blob that is not there: the log's copy is incomplete, or somebody took it away."""


@dataclass(frozen=True, slots=True)
class Blob:
    """JSON text, and its sha256 in hex."""

    sha256: str
    json: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Where in a payload a blob belongs: keys and indices from the top; `size` is the blob's, in bytes."""

    sha256: str
    path: Path
    size: int


def split(payload: Payload, encoded: str, limit: int) -> tuple[str, tuple[Blob, ...]]:
    """Move the largest parts of an encoded payload into blobs until it has `limit` bytes or nothing is left to move.

    Parts are texts and free JSON, whole; what the payload's class itself names stays. Returns the new encoding.
    """
    content, size = json.loads(encoded), len(encoded.encode())
    parts = [(_canonical(_at(content, path)).encode(), path) for path in _movable(payload)]
    blobs: dict[str, Blob] = {}
    listed = []
    for data, path in sorted(parts, key=lambda part: -len(part[0])):
        if size <= limit or len(data) < _WORTH:
            break
        blob = Blob(hashlib.sha256(data).hexdigest(), data.decode())
        blobs[blob.sha256] = blob
        listed.append({"sha256": blob.sha256, "path": path, "size": len(data)})
        _at(content, path[:-1])[path[-1]] = {"$blob": blob.sha256}
        size -= len(data) - _REFERENCE
    return _canonical(content | {LISTED: listed}), tuple(blobs.values())


def references(content: Mapping[str, Any]) -> list[Reference]:
    """Return the blobs that a payload names, as it stands in the log."""
    return [Reference(one["sha256"], tuple(one["path"]), one["size"]) for one in content.get(LISTED, ())]


def restored(content: Json, blobs: Mapping[str, Any]) -> Json:
    """Put the blobs (parsed, by sha256) back into a payload that was just parsed. Raises `BlobMissing`."""
    for one in references(content):
        if one.sha256 not in blobs:
            raise BlobMissing(
                f"Blob {one.sha256} is missing from log_blobs, so the event that names it cannot be read; "
                "restore the table from a backup or an export of the log"
            )
        _at(content, one.path[:-1])[one.path[-1]] = blobs[one.sha256]
    content.pop(LISTED, None)
    return content


def _movable(value: object, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of a payload's texts and free JSON, outermost alone."""
    if isinstance(value, BaseModel):
        for name, part in value:
            yield from _movable(part, (*path, name))
    elif isinstance(value, tuple | list):
        for index, part in enumerate(value):
            yield from _movable(part, (*path, index))
    elif isinstance(value, str | dict):
        yield path


def _at(content: Any, path: Path) -> Any:  # noqa: ANN401 - any JSON
    for step in path:
        content = content[step]
    return content


def _canonical(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
