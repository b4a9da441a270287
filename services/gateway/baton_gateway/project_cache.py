"""Projects as they were last read, so that one that has not changed is neither built, sent nor copied again.

An entry is never trusted by itself: every read asks PostgreSQL for the version that stands, and takes the entry only
where it is that one. So an entry cannot be stale, and losing one costs nothing but time. A version names the log's
epoch too: in a log that was restored from a backup, the same position may stand for other facts. An entry keeps its
project's tenant, and is not there for another: whoever asks for what is not theirs is answered by PostgreSQL, as for
what does not exist.
"""

from collections import OrderedDict
from importlib.metadata import version
from typing import Final, NamedTuple
from uuid import UUID

from aiohttp import web

MAX_BYTES: Final = 32 << 20
_RELEASE: Final = version("baton-gateway")  # another release may show the same facts in another form


class Version(NamedTuple):
    """The position of the newest change of a project, in the log of an epoch."""

    epoch: UUID
    position: int

    @property
    def tag(self) -> str:
        """Its ETag: weak, for the same facts may be written in other bytes."""
        return f'W/"{_RELEASE}-{self.epoch.hex[:8]}-{self.position}"'


class Shown(NamedTuple):
    """A project as JSON, the version that this shows, the version's ETag, and whose it is."""

    version: Version
    tag: str
    body: bytes
    tenant: str


class ProjectCache:
    """The projects read last, up to so many bytes together."""

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._shown: OrderedDict[UUID, Shown] = OrderedDict()

    def get(self, project_id: UUID, tenant: str | None) -> Shown | None:
        """Return what was kept of a project, of this tenant or (None) of any."""
        shown = self._shown.get(project_id)
        if shown is None or tenant not in (None, shown.tenant):
            return None
        self._shown.move_to_end(project_id)
        return shown

    def keep(self, project_id: UUID, shown: Shown) -> None:
        """Keep a project; those that were not read for the longest time make room for it."""
        before = self._shown.pop(project_id, None)
        self._size += len(shown.body) - (len(before.body) if before else 0)
        self._shown[project_id] = shown
        while self._size > self._limit:
            _, oldest = self._shown.popitem(last=False)
            self._size -= len(oldest.body)


def holds(request: web.Request, tag: str) -> bool:
    """Tell whether `If-None-Match` names a tag (RFC 9110, 13.1.2): the client has this answer already."""
    named = request.headers.get("If-None-Match")
    if named is None or named == tag:
        return named is not None
    weak = tag.removeprefix("W/").strip('"')
    return named.strip() == "*" or any(one.value == weak for one in request.if_none_match or ())
