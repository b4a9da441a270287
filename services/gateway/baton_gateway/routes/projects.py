"""Projects: start one, read one, see how far it is, and how it came to be so."""

from collections.abc import Callable
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from baton_contracts.commands import CreateProject
from baton_contracts.events import PAYLOADS
from baton_contracts.history import Past
from baton_contracts.ids import derive_id
from baton_contracts.rest import CompletionView, EventPage, NewProject, ProjectStarted, ProjectView, TaskList
from baton_gateway.answers import json_text, model, written
from baton_gateway.commands import message_id_of, order
from baton_gateway.parameters import LAST_POSITION, whole_number
from baton_gateway.problems import found_or_404, invalid, unknown_project
from baton_gateway.reading import READS, fetch_value
from baton_gateway.route import Call, Route
from baton_gateway.time_travel import moment_of, past_of


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
    """Answer with a project, its tasks and its artifacts, now or as of a moment."""
    return await _view(call, "project_view", Past.project_view)


async def tasks(call: Call[None]) -> web.Response:
    """Answer with a project's tasks, now or as of a moment."""
    return await _view(call, "task_list", lambda past: TaskList(tasks=past.project_view().tasks))


async def completion(call: Call[None]) -> web.Response:
    """Answer with how far a project is, or was."""
    return await _view(call, "completion_view", Past.completion_view)


async def _view(call: Call[None], statement: str, recalled: Callable[[Past], BaseModel]) -> web.Response:
    project_id = call.id("project_id")
    if moment := moment_of(call.request):
        return model(recalled(await past_of(call, project_id, moment)))
    found = await fetch_value(call.gateway.host.pool, READS[statement], project_id)
    return json_text(found_or_404(found, unknown_project(project_id)))


async def events(call: Call[None]) -> web.Response:
    """Answer with a page of a project's events, in order; `next` is what `after` is on the next page."""
    project_id, pool = call.id("project_id"), call.gateway.host.pool
    found_or_404(await fetch_value(pool, READS["project_known"], project_id), unknown_project(project_id))
    after = whole_number(call.request, "after", 0, default=0, highest=LAST_POSITION)
    limit = whole_number(call.request, "limit", 1, default=100, highest=1000)
    return json_text(await fetch_value(pool, READS["event_page"], project_id, after, _types(call.request), limit))


def _types(request: web.Request) -> list[str] | None:
    wanted = [name for value in request.query.getall("types", []) for name in value.split(",") if name]
    for name in wanted:
        if name not in PAYLOADS:
            raise invalid("/query/types", f"there is no such event type; there are {', '.join(PAYLOADS)}")
    return wanted or None


ROUTES: Final = (
    Route("POST", "/api/v1/projects", "operator", create, ProjectStarted, NewProject, 201),
    Route("POST", "/api/v1/projects/", "operator", create, ProjectStarted, NewProject, 201),
    Route("GET", "/api/v1/projects/{project_id}", "viewer", show, ProjectView),
    Route("GET", "/api/v1/projects/{project_id}/tasks", "viewer", tasks, TaskList),
    Route("GET", "/api/v1/projects/{project_id}/events", "viewer", events, EventPage),
    Route("GET", "/api/v1/projects/{project_id}/completion", "viewer", completion, CompletionView),
)
