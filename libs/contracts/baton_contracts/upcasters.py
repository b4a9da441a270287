"""How what was written long ago is read today: one pure step a version, applied in a row.

Invariant: every version below a payload class's `schema_version` has its step here. A step takes the JSON of a
payload as its version wrote it and returns that of the next; it never changes what it was given. A version that
nobody here knows yet passes as it is: what is written tomorrow must not stop today's readers.
"""

from collections.abc import Callable, Mapping
from typing import Final

from baton_contracts.handoffs import Json

Upcaster = Callable[[Json], Json]

UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {}
"""The step from a version to the next, by event type and the version that it starts from."""


def upcast(
    event_type: str, schema_version: int, content: Json, upcasters: Mapping[tuple[str, int], Upcaster] | None = None
) -> Json:
    """Return a payload's JSON in the newest version that there are steps to."""
    steps = UPCASTERS if upcasters is None else upcasters
    while step := steps.get((event_type, schema_version)):
        content, schema_version = step(content), schema_version + 1
    return content
