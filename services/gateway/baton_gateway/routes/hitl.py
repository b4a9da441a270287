"""Questions to people: read them, answer them."""

from typing import Final
from uuid import UUID

from aiohttp import web

from baton_contracts.commands import Refused, Respond
from baton_contracts.rest import HitlAnswer, HitlAnswered, HitlList, HitlView
from baton_gateway.answers import json_text, model, written
from baton_gateway.commands import order
from baton_gateway.problems import found_or_404, unknown_project
from baton_gateway.query import Fresh, Query, Recalled
from baton_gateway.reading import READS, fetch_value
from baton_gateway.route import Call, Route
from baton_gateway.time_travel import past_of


async def respond(call: Call[HitlAnswer, Query]) -> web.Response:
    """Give a decision; the first one wins, and later ones are told whose it was."""
    request_id = call.id("request_id")
    found = await fetch_value(call.gateway.host.pool, READS["project_of_request"], request_id, call.principal.tenant)
    command = Respond(
        project_id=found_or_404(found, _unknown(request_id)),
        request_id=request_id,
        action=call.body.decision,
        response=call.body.response_content or "",
    )
    try:
        return written(await order(call, command), HitlAnswered)
    except Refused as refused:
        if winner := refused.extra.get("winner"):
            asked = command.project_id, request_id
            winner["responded_by"] = await fetch_value(call.gateway.host.pool, READS["responded_by"], *asked)
        raise


async def show(call: Call[None, Fresh]) -> web.Response:
    """Answer with one request."""
    request_id = call.id("request_id")
    found = await fetch_value(call.gateway.host.pool, READS["hitl_view"], request_id, call.principal.tenant)
    return json_text(found_or_404(found, _unknown(request_id)))


async def of_project(call: Call[None, Recalled]) -> web.Response:
    """Answer with every request of a project, now or as of a moment."""
    project_id, tenant = call.id("project_id"), call.principal.tenant
    if moment := call.query.as_of:
        return model((await past_of(call.gateway.host.pool, project_id, moment, tenant)).hitl_view())
    found = await fetch_value(call.gateway.host.pool, READS["hitl_list"], project_id, tenant)
    return json_text(found_or_404(found, unknown_project(project_id)))


def _unknown(request_id: UUID) -> Refused:
    return Refused(404, "Unknown request", f"There is no request {request_id}.")


ROUTES: Final = (
    Route(
        "POST", "/api/v1/hitl/{request_id}/respond", "operator", respond, HitlAnswered, HitlAnswer, refusals=(404, 409)
    ),
    Route("GET", "/api/v1/hitl/{request_id}", "viewer", show, HitlView, query=Fresh, refusals=(404,)),
    Route(
        "GET",
        "/api/v1/hitl/project/{project_id}/requests",
        "viewer",
        of_project,
        HitlList,
        query=Recalled,
        refusals=(404,),
    ),
)
