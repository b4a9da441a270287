"""Teams: a BMAD v4 bundle file, as the agents it has and the workflows it may run.

Invariant: workflows are named by id, without the file's suffix. On failure `InvalidDefinition` names the
field.
"""

from collections.abc import Mapping
from typing import Any

from baton_contracts.definitions import Team

from .fields import Fields
from .yaml import InvalidDefinition


def read_team(data: Mapping[str, Any], team_id: str) -> Team:
    """Return the team in a parsed file; the format holds no id, so `team_id` is the file's stem."""
    root = Fields(data)
    bundle = root.child("bundle")
    agents = root.names("agents")
    if not agents:
        raise InvalidDefinition("agents is missing or empty; name at least one agent, or '*' for all")
    return Team(
        id=Fields({"file name": team_id}).slug("file name"),
        name=bundle.text("name"),
        description=bundle.text("description", "").strip(),
        agents=agents,
        workflows=tuple(name.removesuffix(".yaml") for name in root.names("workflows")),
    )
