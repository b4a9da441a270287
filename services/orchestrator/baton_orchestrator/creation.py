"""How a project begins: with the idea, handed to the first agent of a workflow that can be executed."""

from typing import Final
from uuid import UUID

from baton_contracts import commands as c
from baton_contracts import events as e
from baton_contracts.definitions import Workflow
from baton_contracts.handoffs import HandoffSchema
from baton_contracts.ids import derive_id
from baton_contracts.project import Project
from baton_orchestrator.steps import Catalog, Payloads, task_for

PERSON: Final = "user"


def create_project(state: Project, command: c.CreateProject, origin: UUID, catalog: Catalog) -> Payloads:
    """Start a project: its first handoff carries the idea to the first agent."""
    if state.created:
        raise c.Refused(409, "Project exists", f"Project {command.project_id} exists already.")
    workflow = catalog.offered(command.workflow_id)
    if workflow is None:
        detail = f"There is no workflow called {command.workflow_id}."
        raise c.Refused(404, "Unknown workflow", detail, "/workflow_id")
    _require_agents(workflow, catalog)
    _require_team(command.team_id, workflow, catalog)
    execution_id = derive_id(origin, "execution")
    handoff = HandoffSchema(
        project_id=command.project_id,
        source_agent=PERSON,
        target_agent=workflow.steps[0].agent,
        handoff_type="product_idea",
        content={"product_idea": command.product_idea},
    )
    return (
        e.ProjectCreated(
            name=command.name,
            product_idea=command.product_idea,
            tenant=command.tenant,
            team_id=command.team_id,
        ),
        e.WorkflowStarted(
            execution_id=execution_id,
            workflow_id=workflow.id,
            definition_hash=workflow.digest(),
            total_steps=len(workflow.steps),
        ),
        task_for(workflow, workflow.steps[0], execution_id, handoff, origin),
    )


def _require_agents(workflow: Workflow, catalog: Catalog) -> None:
    missing = {step.agent for step in workflow.steps} - set(catalog.agents())
    if missing:  # its handoffs would go to queues that nobody reads
        names = ", ".join(sorted(missing))
        raise c.Refused(
            409, "Agents are missing", f"Workflow {workflow.id} needs agents that are not defined: {names}."
        )


def _require_team(team_id: str | None, workflow: Workflow, catalog: Catalog) -> None:
    if team_id is None:
        return
    team = catalog.team(team_id)
    if team is None:
        raise c.Refused(404, "Unknown team", f"There is no team called {team_id}.", "/team_id")
    if not team.covers(workflow):
        names = ", ".join(sorted({step.agent for step in workflow.steps} - set(team.agents)))
        detail = f"Team {team_id} lacks agents of {workflow.id}: {names}."
        raise c.Refused(409, "Team does not fit", detail, "/team_id")
