"""A project's life, intervened in: check, force, pause, resume, cancel, and do a failed task again.

None of these looks a project up first: its owner knows, and the tables may be a moment behind.
"""

from typing import Final

from aiohttp import web

from baton_contracts.commands import (
    CancelProject,
    CheckCompletion,
    ForceComplete,
    PauseProject,
    ResumeProject,
    RetryTask,
)
from baton_contracts.rest_lifecycle import (
    Cancellation,
    Cancelled,
    CompletionChecked,
    ForceCompleted,
    PauseState,
    Retried,
)
from baton_gateway.answers import written
from baton_gateway.commands import order
from baton_gateway.query import Query
from baton_gateway.route import Call, Route


async def check_completion(call: Call[None, Query]) -> web.Response:
    """Look whether a project is complete, and say by what; it is completed where only the word was missing."""
    return written(await order(call, CheckCompletion(project_id=call.id("project_id"))), CompletionChecked)


async def force_complete(call: Call[None, Query]) -> web.Response:
    """Complete a project with what it has; open tasks fail and open requests are rejected."""
    return written(await order(call, ForceComplete(project_id=call.id("project_id"))), ForceCompleted)


async def pause(call: Call[None, Query]) -> web.Response:
    """Begin nothing new in a project; what is at work is finished."""
    return written(await order(call, PauseProject(project_id=call.id("project_id"))), PauseState)


async def resume(call: Call[None, Query]) -> web.Response:
    """Go on where a project was paused."""
    return written(await order(call, ResumeProject(project_id=call.id("project_id"))), PauseState)


async def cancel(call: Call[Cancellation, Query]) -> web.Response:
    """End a project without its result; running model calls are stopped."""
    command = CancelProject(project_id=call.id("project_id"), reason=call.body.words)
    return written(await order(call, command), Cancelled)


async def retry(call: Call[None, Query]) -> web.Response:
    """Do a failed task again; a project that had failed is active again."""
    command = RetryTask(project_id=call.id("project_id"), task_id=call.id("task_id"))
    return written(await order(call, command), Retried)


_ONE: Final = "/api/v1/projects/{project_id}"
_REFUSALS: Final = (404, 409)
ROUTES: Final = (
    Route("POST", f"{_ONE}/check-completion", "operator", check_completion, CompletionChecked, refusals=_REFUSALS),
    Route("POST", f"{_ONE}/force-complete", "admin", force_complete, ForceCompleted, refusals=_REFUSALS),
    Route("POST", f"{_ONE}/pause", "operator", pause, PauseState, refusals=_REFUSALS),
    Route("POST", f"{_ONE}/resume", "operator", resume, PauseState, refusals=_REFUSALS),
    Route(
        "POST", f"{_ONE}/cancel", "operator", cancel, Cancelled, Cancellation, refusals=_REFUSALS, body_required=False
    ),
    Route("POST", f"{_ONE}/tasks/{{task_id}}/retry", "operator", retry, Retried, refusals=_REFUSALS),
)
