"""How an execution begins: with the idea, handed to the first agent of a workflow that can be executed.

The first one begins with its project; further ones run beside it, or reopen a project that is complete.
"""

from uuid import UUID

from baton_contracts import commands as c
from baton_contracts import events as e
from baton_contracts.definitions import Workflow
from baton_contracts.handoffs import PERSON, HandoffSchema, Json
from baton_contracts.ids import derive_id
from baton_contracts.project import Project
from baton_orchestrator.steps import Catalog, Payloads, require_project, task_for


def create_project(state: Project, command: c.CreateProject, origin: UUID, catalog: Catalog) -> Payloads:
    """Start a project: its first handoff carries the idea to the first agent."""
    if state.created:
        raise c.Refused(409, "Project exists", f"Project {command.project_id} exists already.")
    workflow = _offered(command.workflow_id, catalog, "/workflow_id")
    if command.team_id is not None and catalog.team(command.team_id) is None:
        raise c.Refused(404, "Unknown team", f"There is no team called {command.team_id}.", "/team_id")
    _require_team(command.team_id, workflow, catalog, "/team_id")
    created = e.ProjectCreated(
        name=command.name,
        product_idea=command.product_idea,
        tenant=command.tenant,
        team_id=command.team_id,
    )
    return (created, *_begin(workflow, command.project_id, command.product_idea, origin))


def execute_workflow(state: Project, command: c.ExecuteWorkflow, origin: UUID, catalog: Catalog) -> Payloads:
    """Start one more execution in a project; one that is complete is open again then."""
    created = require_project(state, command.project_id, "/project_id")
    workflow = _offered(command.workflow_id, catalog)
    _require_open(state)
    _require_team(created.team_id, workflow, catalog)
    given = command.context.get("product_idea")
    idea = given if isinstance(given, str) and given.strip() else created.product_idea
    begun = _begin(workflow, command.project_id, idea, origin, command.context, command.parameters)
    if state.status != "completed":
        return begun
    return (e.ProjectReopened(reason=f"The workflow {workflow.id} is executed"), *begun)


def _begin(
    workflow: Workflow,
    project_id: UUID,
    idea: str,
    origin: UUID,
    context: Json | None = None,
    parameters: Json | None = None,
) -> Payloads:
    """Return the beginning of an execution, and the handoff of the idea to its first agent."""
    started = e.WorkflowStarted(
        execution_id=derive_id(origin, "execution"),
        workflow_id=workflow.id,
        definition_hash=workflow.digest(),
        total_steps=len(workflow.steps),
        context=context or {},
        parameters=parameters or {},
    )
    handoff = HandoffSchema(
        project_id=project_id,
        source_agent=PERSON,
        target_agent=workflow.steps[0].agent,
        handoff_type="product_idea",
        content={"product_idea": idea},
    )
    return (started, task_for(workflow, workflow.steps[0], started, handoff, origin))


def _offered(workflow_id: str, catalog: Catalog, pointer: str = "") -> Workflow:
    """Return the workflow of that id; refuse one that does not exist or cannot be executed."""
    workflow = catalog.offered(workflow_id)
    if workflow is None:
        raise c.Refused(404, "Unknown workflow", f"There is no workflow called {workflow_id}.", pointer)
    missing = {step.agent for step in workflow.steps} - set(catalog.agents())
    if missing:  # its handoffs would go to queues that nobody reads
        names = ", ".join(sorted(missing))
        detail = f"Workflow {workflow.id} needs agents that are not defined: {names}."
        raise c.Refused(409, "Agents are missing", detail)
    return workflow


def _require_open(state: Project) -> None:
    if state.paused:
        raise c.Refused(409, "Project is paused", "The project is paused; resume it, then execute the workflow.")
    if state.status == "failed":
        what = "was cancelled; create" if state.cancelled else "has failed; retry the failed task or create"
        raise c.Refused(409, "Project is over", f"The project {what} a new project.")


def _require_team(team_id: str | None, workflow: Workflow, catalog: Catalog, pointer: str = "") -> None:
    if team_id is None:
        return
    team = catalog.team(team_id)
    members = set(team.agents) if team else set()  # a team that is not defined any more has none
    if team is None or not team.covers(workflow):
        names = ", ".join(sorted({step.agent for step in workflow.steps} - members))
        raise c.Refused(409, "Team does not fit", f"Team {team_id} lacks agents of {workflow.id}: {names}.", pointer)
