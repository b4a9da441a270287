"""Projects: start one, read one, see how far it is."""

from typing import Final
from uuid import UUID

from aiohttp import web

from baton_contracts.commands import CreateProject, Refused
from baton_contracts.ids import derive_id
from baton_contracts.rest import CompletionView, NewProject, ProjectStarted, ProjectView
from baton_gateway.answers import json_text, written
from baton_gateway.commands import message_id_of, order
from baton_gateway.reading import READS, fetch_value
from baton_gateway.route import Call, Route


def unknown_project(project_id: UUID) -> Refused:
    """Say that there is no such project."""
    return Refused(404, "Unknown project", f"There is no project {project_id}.")


async def create(call: Call[NewProject]) -> web.Response:
    """Start a project; its id follows from the command's, so a repeat names the same one."""
    message_id = message_id_of(call.request, call.principal)
    command = CreateProject(
        project_id=derive_id(message_id, "project"),
        name=call.body.title(),
        product_idea=call.body.product_idea,
        tenant=call.principal.tenant,
        workflow_id=call.body.workflow_id,
        team_id=call.body.team_id,
    )
    reply = await order(call, command, message_id)
    location = {"Location": f"/api/v1/projects/{command.project_id}"}
    return written(reply, ProjectStarted, status=201, headers=location)


async def show(call: Call[None]) -> web.Response:
    """Answer with a project, its tasks and its artifacts."""
    return await _view(call, "project_view")


async def completion(call: Call[None]) -> web.Response:
    """Answer with how far a project is."""
    return await _view(call, "completion_view")


async def _view(call: Call[None], statement: str) -> web.Response:
    project_id = call.id("project_id")
    found = await fetch_value(call.gateway.host.pool, READS[statement], project_id)
    if found is None:
        raise unknown_project(project_id)
    return json_text(found)


ROUTES: Final = (
    Route("POST", "/api/v1/projects", "operator", create, ProjectStarted, NewProject, 201),
    Route("POST", "/api/v1/projects/", "operator", create, ProjectStarted, NewProject, 201),
    Route("GET", "/api/v1/projects/{project_id}", "viewer", show, ProjectView),
    Route("GET", "/api/v1/projects/{project_id}/completion", "viewer", completion, CompletionView),
)
