"""Teams: list them, read one, compare one with a workflow."""

from typing import Any, Final

from aiohttp import web

from baton_contracts.commands import Refused
from baton_contracts.definitions import Definitions, Team
from baton_contracts.rest_workflows import TeamCheck, TeamFit, TeamList, TeamSummary, TeamView
from baton_gateway.answers import model
from baton_gateway.idempotency import answered_once
from baton_gateway.problems import found_or_404
from baton_gateway.query import Query
from baton_gateway.route import Call, Route
from baton_gateway.team_fit import agents_of, covered_by, fit_of, made_by


async def all_of_them(call: Call[None, Query]) -> web.Response:
    """Answer with every team, and the workflows that its agents cover."""
    definitions = call.gateway.definitions
    return model(TeamList(teams=[_summary(team, definitions) for team in definitions.teams.values()]))


async def one(call: Call[None, Query]) -> web.Response:
    """Answer with one team."""
    team, definitions = _known(call), call.gateway.definitions
    view = TeamView(
        **dict(_summary(team, definitions)),
        workflows=list(team.workflows),
        capabilities=made_by(team, definitions),
        description=team.description,
    )
    return model(view)


async def validate(call: Call[TeamCheck, Query]) -> web.Response:
    """Compare a team with the workflow that it is to execute."""
    team, definitions = _known(call), call.gateway.definitions
    workflow_id = call.body.workflow_id
    missing = Refused(404, "Unknown workflow", f"There is no workflow called {workflow_id}.", "/workflow_id")
    workflow = found_or_404(definitions.workflows.get(workflow_id), missing)
    return await answered_once(call, lambda: fit_of(team, workflow, definitions))


def _known(call: Call[Any, Query]) -> Team:
    """Return the team that the path names. Raises `Refused` (404)."""
    team_id = call.parameters["team_id"]
    missing = Refused(404, "Unknown team", f"There is no team called {team_id}.")
    return found_or_404(call.gateway.definitions.teams.get(team_id), missing)


def _summary(team: Team, definitions: Definitions) -> TeamSummary:
    return TeamSummary(
        id=team.id,
        name=team.name,
        agents=agents_of(team, definitions),
        compatibility=covered_by(team, definitions),
    )


_ALL: Final = "/api/v1/workflows/teams"
_ONE: Final = f"{_ALL}/{{team_id}}"
ROUTES: Final = (
    Route("GET", _ALL, "viewer", all_of_them, TeamList),
    Route("GET", _ONE, "viewer", one, TeamView, refusals=(404,)),
    Route("POST", f"{_ONE}/validate", "viewer", validate, TeamFit, TeamCheck, refusals=(404,)),
)
