"""The route table: everything that the gateway answers, and who may ask it."""

from typing import Final

from baton_gateway.route import Route
from baton_gateway.routes import (
    agents,
    artifacts,
    documents,
    health,
    hitl,
    lifecycle,
    lists,
    projects,
    socket,
    teams,
    templates,
    tickets,
    workflows,
)

ROUTES: Final[tuple[Route, ...]] = (
    *projects.ROUTES,
    *lifecycle.ROUTES,
    *lists.ROUTES,
    *hitl.ROUTES,
    *artifacts.ROUTES,
    *agents.ROUTES,
    *templates.ROUTES,
    *workflows.ROUTES,
    *teams.ROUTES,
    *health.ROUTES,
    *documents.ROUTES,
    *tickets.ROUTES,
    *socket.ROUTES,
)
