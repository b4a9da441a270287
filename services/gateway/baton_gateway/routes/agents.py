"""Agents: who they are, what each of them does now, and setting one back."""

from typing import Any, Final

from aiohttp import web

from baton_contracts.commands import Refused, ResetAgent
from baton_contracts.ids import SYSTEM_STREAM
from baton_contracts.rest import AgentHistory, AgentList, AgentView
from baton_contracts.rest_lifecycle import AgentResetDone
from baton_contracts.rest_lists import AgentDefinition, AgentDefinitions
from baton_gateway.answers import json_text, model, written
from baton_gateway.commands import order
from baton_gateway.query import Fresh, PageSize, Query, Recalled
from baton_gateway.reading import READS, fetch_value
from baton_gateway.route import Call, Route


class HistoryQuery(Fresh):
    """How much of the past is wanted."""

    limit: PageSize = 100


async def all_of_them(call: Call[None, Recalled]) -> web.Response:
    """Answer with every agent that the definitions name, now or as of a moment."""
    agents, tenant, pool = list(call.gateway.definitions.agents), call.principal.tenant, call.gateway.host.pool
    if moment := call.query.as_of:
        found = await fetch_value(pool, READS["agent_list_as_of"], agents, tenant, moment.position, moment.time)
    else:
        found = await fetch_value(pool, READS["agent_list"], agents, tenant)
    return json_text(found)


async def one(call: Call[None, Fresh]) -> web.Response:
    """Answer with one agent."""
    return json_text(
        await fetch_value(call.gateway.host.pool, READS["agent_view"], _known(call), call.principal.tenant)
    )


async def history(call: Call[None, HistoryQuery]) -> web.Response:
    """Answer with an agent's changes of status, newest first."""
    agent_type, tenant, limit = _known(call), call.principal.tenant, call.query.limit
    return json_text(await fetch_value(call.gateway.host.pool, READS["agent_history"], agent_type, tenant, limit))


async def definitions(call: Call[None, Query]) -> web.Response:
    """Answer with every agent as its definition describes it."""
    agents = [
        AgentDefinition(
            agent_type=agent.id,
            name=agent.name,
            title=agent.title,
            icon=agent.icon,
            when_to_use=agent.when_to_use,
            output=agent.output,
        )
        for agent in call.gateway.definitions.agents.values()
    ]
    return model(AgentDefinitions(agents=agents))


async def reset(call: Call[None, Query]) -> web.Response:
    """Set an agent back to idle; the tasks that it held are dispatched again, under a new attempt."""
    command = ResetAgent(project_id=SYSTEM_STREAM, agent_type=_known(call), tenant=call.principal.tenant)
    return written(await order(call, command), AgentResetDone)


def _known(call: Call[None, Any]) -> str:
    """Return the agent that the path names. Raises `Refused` (404)."""
    agent_type = call.parameters["agent_type"]
    agents = call.gateway.definitions.agents
    if agent_type not in agents:
        known = ", ".join(agents)
        raise Refused(404, "Unknown agent", f"There is no agent {agent_type}; there are {known}.")
    return agent_type


ROUTES: Final = (
    Route("GET", "/api/v1/agents", "viewer", definitions, AgentDefinitions),
    Route(
        "POST",
        "/api/v1/agents/status/{agent_type}/reset",
        "admin",
        reset,
        AgentResetDone,
        refusals=(404, 409),
        spans_tenants=True,
    ),
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
