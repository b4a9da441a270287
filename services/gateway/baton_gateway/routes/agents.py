"""Agents: what each of them does now."""

from typing import Final

from aiohttp import web

from baton_contracts.commands import Refused
from baton_contracts.rest import AgentList, AgentView
from baton_gateway.answers import json_text
from baton_gateway.reading import READS, fetch_value
from baton_gateway.route import Call, Route


async def all_of_them(call: Call[None]) -> web.Response:
    """Answer with every agent that the definitions name."""
    agents = list(call.gateway.agents)
    return json_text(await fetch_value(call.gateway.host.pool, READS["agent_list"], agents))


async def one(call: Call[None]) -> web.Response:
    """Answer with one agent."""
    agent_type = call.parameters["agent_type"]
    if agent_type not in call.gateway.agents:
        known = ", ".join(call.gateway.agents)
        raise Refused(404, "Unknown agent", f"There is no agent {agent_type}; there are {known}.")
    return json_text(await fetch_value(call.gateway.host.pool, READS["agent_view"], agent_type))


ROUTES: Final = (
    Route("GET", "/api/v1/agents/status", "viewer", all_of_them, AgentList),
    Route("GET", "/api/v1/agents/status/{agent_type}", "viewer", one, AgentView),
)
