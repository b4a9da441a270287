"""What tests of the gateway do first: a project, a question to a person, a project whose agents are all done."""

from uuid import UUID

from baton_contracts import rest
from support.bundles import OUTPUTS, SPECIFICATION
from support.stage import Stage, work
from support.waiting import eventually

IDEA = "A small library for neighbours who lend books to each other, with reminders and ratings"


async def created(api: Stage, **fields: str) -> str:
    """Create a project; give its id."""
    answer = await api.post("/api/v1/projects", {"product_idea": IDEA, **fields}, status=201)
    return str(answer["project_id"])


async def view(api: Stage, project_id: UUID | str) -> rest.ProjectView:
    """Read a project."""
    return rest.ProjectView.model_validate(await api.get(f"/api/v1/projects/{project_id}"))


async def asked(api: Stage, project_id: str) -> rest.HitlView:
    """Have the first task completed; give the request that a person gets."""
    (task,) = (await view(api, project_id)).tasks
    await api.tell(project_id, *work(task, "software_specification", SPECIFICATION, awaits_review=True))
    path = f"/api/v1/hitl/project/{project_id}/requests"

    async def is_asked() -> bool:
        return bool((await api.get(path))["pending_count"])

    await eventually(is_asked)
    requests = rest.HitlList.model_validate(await api.get(path))
    (request,) = requests.requests
    return request


async def finished(api: Stage, **fields: str) -> str:
    """Play every agent of a project until it is completed; give its id."""
    project_id = await created(api, **fields)
    for n, (kind, content) in enumerate(OUTPUTS.items(), start=1):

        async def is_next(n: int = n) -> bool:
            return len((await view(api, project_id)).tasks) == n

        await eventually(is_next)
        await api.tell(project_id, *work((await view(api, project_id)).tasks[-1], kind, content))
    return project_id
