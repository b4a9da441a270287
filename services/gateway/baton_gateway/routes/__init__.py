"""The route table: everything that the gateway answers, and who may ask it."""

from typing import Final

from baton_gateway.route import Route
from baton_gateway.routes import agents, artifacts, health, hitl, projects, socket

ROUTES: Final[tuple[Route, ...]] = (
    *projects.ROUTES,
    *hitl.ROUTES,
    *artifacts.ROUTES,
    *agents.ROUTES,
    *health.ROUTES,
    *socket.ROUTES,
)
