"""What a team can do: the agents that it has, the workflows that they cover, and how it fits one of them.

Invariant: a team is called compatible where an execution by its agents would begin, and nowhere else.
"""

from baton_contracts.definitions import Definitions, Team, Workflow
from baton_contracts.rest_workflows import TeamFit


def agents_of(team: Team, definitions: Definitions) -> list[str]:
    """Return the team's agents; `*` in it stands for every agent that is defined."""
    return list(definitions.agents if "*" in team.agents else dict.fromkeys(team.agents))


def covered_by(team: Team, definitions: Definitions) -> list[str]:
    """Return the ids of the workflows whose agents the team has."""
    return [one.id for one in definitions.workflows.values() if not missing_from(team, one, definitions)]


def made_by(team: Team, definitions: Definitions) -> list[str]:
    """Return the handoff types that the team's agents make, each once."""
    agents = (definitions.agents.get(name) for name in agents_of(team, definitions))
    return list(dict.fromkeys(agent.output for agent in agents if agent and agent.output))


def missing_from(team: Team, workflow: Workflow, definitions: Definitions) -> list[str]:
    """Return the agents that a workflow needs and the team lacks, or that are not defined, in order of need."""
    there = definitions.agents.keys() & set(agents_of(team, definitions))
    return [name for name in dict.fromkeys(step.agent for step in workflow.steps) if name not in there]


def fit_of(team: Team, workflow: Workflow, definitions: Definitions) -> TeamFit:
    """Return how a team fits a workflow."""
    missing, foreign = missing_from(team, workflow, definitions), not _is_for(team, workflow)
    warnings = [_lack(name, team, workflow, definitions) for name in missing]
    if foreign:
        named = ", ".join(team.workflows)
        warnings.append(f"The workflow {workflow.id} is not among those that the team {team.id} is for: {named}.")
    return TeamFit(
        compatible=not missing,
        warnings=warnings,
        recommendations=_recommendations(team, workflow, definitions, missing, foreign=foreign),
    )


def _is_for(team: Team, workflow: Workflow) -> bool:
    return not team.workflows or workflow.id in team.workflows


def _lack(name: str, team: Team, workflow: Workflow, definitions: Definitions) -> str:
    if name not in definitions.agents:
        return f"The workflow {workflow.id} needs the agent {name}, which is not defined."
    return f"The workflow {workflow.id} needs the agent {name}, which the team {team.id} does not have."


def _recommendations(
    team: Team, workflow: Workflow, definitions: Definitions, missing: list[str], *, foreign: bool
) -> list[str]:
    if not missing and not foreign:
        return []
    better = [
        f"Take the team {other.id}: it has every agent that {workflow.id} needs, and is for it."
        for other in definitions.teams.values()
        if other.id != team.id and _is_for(other, workflow) and not missing_from(other, workflow, definitions)
    ]
    undefined = [f"Define the agent {name}." for name in missing if name not in definitions.agents]
    added = [
        f"Add the agent {name} to the team {team.id}." for name in missing if name not in agents_of(team, definitions)
    ]
    named = [f"Add the workflow {workflow.id} to the team {team.id}."] if foreign else []
    return [*better, *undefined, *added, *named]
