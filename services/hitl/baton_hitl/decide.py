"""A person's decision on a request, or the workflow's once its deadline has passed: the first response wins."""

from baton_contracts.commands import Expire, Refused, Respond
from baton_contracts.events import HitlResponse
from baton_contracts.project import Project


def respond(state: Project, command: Respond) -> tuple[HitlResponse]:
    """Return the response as an event. Raises `Refused` where there is nothing to answer any more."""
    request = state.requests.get(command.request_id)
    if request is None:
        raise Refused(404, "Unknown request", f"There is no request {command.request_id} in this project.")
    if request.status != "pending":
        raise Refused(
            409,
            "Already answered",
            f"This request was {request.status} already: {request.response!r}.",
            extra={"winner": {"action": request.status, "response": request.response}},
        )
    if state.status != "active":
        raise Refused(409, "Project is over", f"The project is {state.status}; its requests cannot be answered.")
    return (
        HitlResponse(
            request_id=command.request_id,
            task_id=request.asked.task_id,
            agent_type=request.asked.agent_type,
            action=command.action,
            response=command.response,
        ),
    )


def expire(state: Project, command: Expire) -> tuple[HitlResponse, ...]:
    """Return the answer that the workflow gives for a person who gave none; nothing where there is one already."""
    request = state.requests.get(command.request_id)
    if request is None or request.status != "pending" or state.status != "active" or request.asked.on_expire is None:
        return ()
    return (
        HitlResponse(
            request_id=command.request_id,
            task_id=request.asked.task_id,
            agent_type=request.asked.agent_type,
            action=request.asked.on_expire,
            response=f"Nobody answered within {request.asked.deadline_seconds} seconds",
        ),
    )
