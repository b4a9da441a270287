"""Workflows: list them, read one, execute one, see how far an execution is."""

from typing import Any, Final

from aiohttp import web

from baton_contracts.commands import CommandReply, ExecuteWorkflow, Refused
from baton_contracts.definitions import Workflow
from baton_contracts.rest_workflows import (
    SECONDS_A_STEP,
    ExecutionStarted,
    ExecutionView,
    NewExecution,
    WorkflowList,
    WorkflowSummary,
    WorkflowView,
)
from baton_gateway.answers import json_text, model, written
from baton_gateway.commands import order
from baton_gateway.problems import found_or_404
from baton_gateway.query import Fresh, Query
from baton_gateway.reading import READS, fetch_value
from baton_gateway.route import Call, Route
from baton_gateway.workflow_rules import handoffs_of, phases_of, rules_of


async def all_of_them(call: Call[None, Query]) -> web.Response:
    """Answer with every workflow that the definitions name, its steps as phases."""
    summaries = [
        WorkflowSummary(id=one.id, name=one.name, description=one.description, phases=phases_of(one))
        for one in call.gateway.definitions.workflows.values()
    ]
    return model(WorkflowList(workflows=summaries))


async def one(call: Call[None, Query]) -> web.Response:
    """Answer with one workflow: its steps, what is handed over between them, what each is held to."""
    workflow = _known(call)
    view = WorkflowView(
        id=workflow.id,
        name=workflow.name,
        steps=list(workflow.steps),
        handoffs=handoffs_of(workflow),
        validation_rules=rules_of(workflow),
        description=workflow.description,
        definition_hash=workflow.digest(),
    )
    return model(view)


async def execute(call: Call[NewExecution, Query]) -> web.Response:
    """Start an execution of a workflow in a project; it is on its way when this answers."""
    workflow = _known(call)
    command = ExecuteWorkflow(
        project_id=call.body.project_id,
        workflow_id=workflow.id,
        context=call.body.context,
        parameters=call.body.parameters,
    )
    reply = await order(call, command)
    started = (reply.result or {}) | {"estimated_duration": await _estimate(call, workflow, reply)}
    location = f"/api/v1/workflows/workflows/{workflow.id}/status/{started['execution_id']}"
    answer = reply.model_copy(update={"result": started})
    return written(answer, ExecutionStarted, status=202, headers={"Location": location})


async def _estimate(call: Call[Any, Query], workflow: Workflow, reply: CommandReply) -> int:
    """Return how long an execution takes, in seconds, by what the tables showed when it was started."""
    steps = [step.id for step in workflow.steps]
    asked = workflow.id, call.principal.tenant, reply.position, steps, SECONDS_A_STEP
    return int(await fetch_value(call.gateway.host.pool, READS["estimated_duration"], *asked))


async def status(call: Call[None, Fresh]) -> web.Response:
    """Answer with how far an execution is, and what its completed steps made."""
    execution_id, workflow_id = call.id("execution_id"), call.parameters["workflow_id"]
    found = await fetch_value(
        call.gateway.host.pool, READS["execution_view"], execution_id, workflow_id, call.principal.tenant
    )
    detail = f"There is no execution {execution_id} of a workflow called {workflow_id}."
    return json_text(found_or_404(found, Refused(404, "Unknown execution", detail)))


def _known(call: Call[Any, Query]) -> Workflow:
    """Return the workflow that the path names. Raises `Refused` (404)."""
    workflow_id = call.parameters["workflow_id"]
    missing = Refused(404, "Unknown workflow", f"There is no workflow called {workflow_id}.")
    return found_or_404(call.gateway.definitions.workflows.get(workflow_id), missing)


_ALL: Final = "/api/v1/workflows/workflows"
_ONE: Final = f"{_ALL}/{{workflow_id}}"
_STATUS: Final = f"{_ONE}/status/{{execution_id}}"
ROUTES: Final = (
    Route("GET", _ALL, "viewer", all_of_them, WorkflowList),
    Route("GET", _ONE, "viewer", one, WorkflowView, refusals=(404,)),
    Route("POST", f"{_ONE}/execute", "operator", execute, ExecutionStarted, NewExecution, 202, refusals=(404, 409)),
    Route("GET", _STATUS, "viewer", status, ExecutionView, query=Fresh, refusals=(404,)),
)
