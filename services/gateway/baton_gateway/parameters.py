"""The parameters of paths: each name stands for the same kind of thing on every route."""

import re
from collections.abc import Mapping
from typing import Final

from baton_contracts.definitions import SLUG_PATTERN
from baton_contracts.ids import ID_PATTERN
from baton_gateway.problems import invalid

_NOT_A_SLUG: Final = "it must be 1 to 64 lower-case letters, digits and dashes, and not begin with a dash"
_NOT_AN_ID: Final = "it must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057"
_ID: Final = re.compile(ID_PATTERN)
_SLUG: Final = re.compile(SLUG_PATTERN)
IDS: Final = frozenset({"project_id", "task_id", "request_id", "execution_id"})
SLUGS: Final = frozenset({"agent_type", "workflow_id", "team_id", "template_id"})


def check_parameters(parameters: Mapping[str, str]) -> Mapping[str, str]:
    """Return the parameters of a path. Raises `Invalid` where one is not of its kind."""
    for name, value in parameters.items():
        pattern, detail = (_ID, _NOT_AN_ID) if name in IDS else (_SLUG, _NOT_A_SLUG)
        if not pattern.fullmatch(value):  # `match` would let a `$` pass a line feed at the end
            raise invalid(f"/path/{name}", detail)
    return parameters
