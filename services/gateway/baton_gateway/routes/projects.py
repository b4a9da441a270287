"""Projects: start one, read one, see how far it is, and how it came to be so."""

from collections.abc import Callable
from typing import Annotated, Final

from aiohttp import web
from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema

from baton_contracts.commands import CreateProject
from baton_contracts.events import PAYLOADS
from baton_contracts.history import Past
from baton_contracts.ids import derive_id
from baton_contracts.rest import CompletionView, EventPage, NewProject, ProjectStarted, ProjectView, TaskList
from baton_gateway.answers import json_text, model, written
from baton_gateway.commands import order
from baton_gateway.idempotency import message_id_of
from baton_gateway.problems import found_or_404, unknown_project
from baton_gateway.project_cache import holds
from baton_gateway.query import Fresh, PageSize, Position, Query, Recalled
from baton_gateway.reading import READS, fetch_value
from baton_gateway.route import Call, Route
from baton_gateway.time_travel import past_of


def _known_type(name: str) -> str:
    if name not in PAYLOADS:
        raise ValueError(f"there is no such event type; there are {', '.join(PAYLOADS)}")
    return name


EventType = Annotated[str, AfterValidator(_known_type), WithJsonSchema({"type": "string", "enum": list(PAYLOADS)})]


class EventQuery(Fresh):
    """Which events of a project are wanted."""

    after: Position = Field(default=0, description="the position after which the page begins")
    limit: PageSize = 100
    types: tuple[EventType, ...] = Field(default=(), description="only events of these types")


async def create(call: Call[NewProject, Query]) -> web.Response:
    """Start a project; its id follows from the command's, so a repeat names the same one."""
    message_id = message_id_of(call.request, call.principal)
    command = CreateProject(
        project_id=derive_id(message_id, "project"),
        name=call.body.title(),
        product_idea=call.body.product_idea,
        tenant=call.principal.home,
        workflow_id=call.body.workflow_id,
        team_id=call.body.team_id,
    )
    reply = await order(call, command, message_id)
    location = {"Location": f"/api/v1/projects/{command.project_id}"}
    return written(reply, ProjectStarted, status=201, headers=location)


async def show(call: Call[None, Recalled]) -> web.Response:
    """Answer with a project, its tasks and its artifacts, now or as of a moment."""
    project_id, tenant = call.id("project_id"), call.principal.tenant
    if moment := call.query.as_of:
        return model((await past_of(call.gateway.host.pool, project_id, moment, tenant)).project_view())
    shown = await call.gateway.projects.newest(project_id, tenant)
    if shown is None:  # not `found_or_404`: this is the hottest path, and an error costs to make
        raise unknown_project(project_id)
    headers = {"ETag": shown.tag, "Cache-Control": "private, no-cache"}
    if holds(call.request, shown.tag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=shown.body, content_type="application/json", headers=headers)


async def tasks(call: Call[None, Recalled]) -> web.Response:
    """Answer with a project's tasks, now or as of a moment."""
    return await _view(call, "task_list", lambda past: TaskList(tasks=past.project_view().tasks))


async def completion(call: Call[None, Recalled]) -> web.Response:
    """Answer with how far a project is, or was."""
    return await _view(call, "completion_view", Past.completion_view)


async def _view(call: Call[None, Recalled], statement: str, recalled: Callable[[Past], BaseModel]) -> web.Response:
    project_id, tenant = call.id("project_id"), call.principal.tenant
    if moment := call.query.as_of:
        return model(recalled(await past_of(call.gateway.host.pool, project_id, moment, tenant)))
    found = await fetch_value(call.gateway.host.pool, READS[statement], project_id, tenant)
    return json_text(found_or_404(found, unknown_project(project_id)))


async def events(call: Call[None, EventQuery]) -> web.Response:
    """Answer with a page of a project's events, in order; `next` is what `after` is on the next page."""
    project_id, wanted = call.id("project_id"), call.query
    asked = project_id, wanted.after, list(wanted.types) or None, wanted.limit, call.principal.tenant
    found = await fetch_value(call.gateway.host.pool, READS["event_page"], *asked)
    return json_text(found_or_404(found, unknown_project(project_id)))


_ONE: Final = "/api/v1/projects/{project_id}"
ROUTES: Final = (
    Route("POST", "/api/v1/projects", "operator", create, ProjectStarted, NewProject, 201, refusals=(404, 409)),
    Route("POST", "/api/v1/projects/", "operator", create, ProjectStarted, NewProject, 201, refusals=(404, 409)),
    Route("GET", _ONE, "viewer", show, ProjectView, query=Recalled, refusals=(404,), also=(304,)),
    Route("GET", f"{_ONE}/tasks", "viewer", tasks, TaskList, query=Recalled, refusals=(404,)),
    Route("GET", f"{_ONE}/events", "viewer", events, EventPage, query=EventQuery, refusals=(404,)),
    Route("GET", f"{_ONE}/completion", "viewer", completion, CompletionView, query=Recalled, refusals=(404,)),
)
