"""Agents: what each of them does now."""

from typing import Any, Final

from aiohttp import web

from baton_contracts.commands import Refused
from baton_contracts.rest import AgentHistory, AgentList, AgentView
from baton_gateway.answers import json_text
from baton_gateway.query import Fresh, PageSize, Recalled
from baton_gateway.reading import READS, fetch_value
from baton_gateway.route import Call, Route


class HistoryQuery(Fresh):
    """How much of the past is wanted."""

    limit: PageSize = 100


async def all_of_them(call: Call[None, Recalled]) -> web.Response:
    """Answer with every agent that the definitions name, now or as of a moment."""
    agents, pool = list(call.gateway.definitions.agents), call.gateway.host.pool
    if moment := call.query.as_of:
        found = await fetch_value(pool, READS["agent_list_as_of"], agents, moment.position, moment.time)
    else:
        found = await fetch_value(pool, READS["agent_list"], agents)
    return json_text(found)


async def one(call: Call[None, Fresh]) -> web.Response:
    """Answer with one agent."""
    return json_text(await fetch_value(call.gateway.host.pool, READS["agent_view"], _known(call)))


async def history(call: Call[None, HistoryQuery]) -> web.Response:
    """Answer with an agent's changes of status, newest first."""
    return json_text(await fetch_value(call.gateway.host.pool, READS["agent_history"], _known(call), call.query.limit))


def _known(call: Call[None, Any]) -> str:
    """Return the agent that the path names. Raises `Refused` (404)."""
    agent_type = call.parameters["agent_type"]
    agents = call.gateway.definitions.agents
    if agent_type not in agents:
        known = ", ".join(agents)
        raise Refused(404, "Unknown agent", f"There is no agent {agent_type}; there are {known}.")
    return agent_type


ROUTES: Final = (
    Route("GET", "/api/v1/agents/status", "viewer", all_of_them, AgentList, query=Recalled),
    Route("GET", "/api/v1/agents/status/{agent_type}", "viewer", one, AgentView, query=Fresh, refusals=(404,)),
    Route(
        "GET",
        "/api/v1/agents/status-history/{agent_type}",
        "viewer",
        history,
        AgentHistory,
        query=HistoryQuery,
        refusals=(404,),
    ),
)
