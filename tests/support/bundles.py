"""A small finished project, as the events that led to it."""

from typing import Final
from uuid import UUID

from baton_contracts import events as e
from baton_contracts.handoffs import ARTIFACT_TYPES, HandoffSchema, Json
from baton_contracts.ids import derive_id
from baton_contracts.project import Project, evolve

PROJECT: Final = UUID("6f9619ff-8b86-4d11-b42d-00cf4fc964ff")
EXECUTION: Final = derive_id(PROJECT, "execution")
SPECIFICATION: Final[Json] = {
    "core_idea": "An app to lend books among neighbours",
    "high_level_features": ["Books", "Loans"],
    "requirements": ["R1: a person can add a book"],
    "user_stories": ["As a neighbour, I lend a book"],
    "generated_by": "embedded model",
}
PLAN: Final[Json] = {
    "architecture_diagram_url": "/api/v1/projects/6f96/diagram",
    "database_schema": "CREATE TABLE book (id INTEGER PRIMARY KEY);",
    "tech_stack": ["Python"],
    "task_breakdown": ["Write app.py"],
    "diagram": "flowchart LR\n  person --> page",
}
CODE: Final[Json] = {
    "files": [
        {"path": "app.py", "content": "print('hello')\n"},
        {"path": "README.md", "content": "# From the coder\n"},
        {"path": "tests/test_app.py", "content": "assert True\n"},
    ],
    "run_command": ["python", "app.py"],
    "test_command": ["python", "-m", "unittest"],
}
REPORT: Final[Json] = {
    "passed": True,
    "tests_run": 7,
    "failures": 0,
    "command": ["python", "-m", "unittest", "a b"],
    "duration_seconds": 0.25,
    "output": "OK",
}
DEPLOYMENT: Final[Json] = {
    "files": [
        {"path": "README.md", "content": "# From the deployer\n"},
        {"path": "Dockerfile", "content": "FROM python\n"},
    ],
    "run_instructions": ["docker compose up"],
}
OUTPUTS: Final[dict[str, Json]] = {
    "software_specification": SPECIFICATION,
    "implementation_plan": PLAN,
    "code_package": CODE,
    "test_report": REPORT,
    "deployment_package": DEPLOYMENT,
}
CREATED: Final = e.ProjectCreated(name="Book lending", product_idea="Lend books among neighbours", tenant="default")
COMPLETED: Final = e.ProjectCompleted(execution_id=EXECUTION, message="Project has completed successfully")


def begun() -> list[e.Payload]:
    """Return a project that has an idea and a workflow, and nothing made yet."""
    return [
        CREATED,
        e.WorkflowStarted(
            execution_id=EXECUTION, workflow_id="idea-to-software", definition_hash="0" * 64, total_steps=5
        ),
    ]


def made(kind: str, content: Json, project_id: UUID = PROJECT) -> list[e.Payload]:
    """Return the events of a step that made an artifact."""
    task_id = derive_id(project_id, f"task:{kind}")
    handoff = HandoffSchema(
        project_id=project_id,
        source_agent="user",
        target_agent=f"{kind}-agent",
        handoff_type="product_idea",
        content={"product_idea": "Lend books"},
    )
    artifact = e.Artifact(
        artifact_id=derive_id(task_id, "artifact"),
        artifact_type=ARTIFACT_TYPES[kind],
        handoff_type=kind,
        content=content,
    )
    return [
        e.TaskCreated(
            task_id=task_id,
            execution_id=EXECUTION,
            step_id=kind.replace("_", "-"),
            agent_type=f"{kind}-agent",
            instructions="",
            output_type=kind,
            handoff=handoff,
        ),
        e.TaskComplete(
            task_id=task_id,
            agent_type=f"{kind}-agent",
            attempt=1,
            message="Done",
            awaits_review=False,
            artifact=artifact,
        ),
    ]


def finished(outputs: dict[str, Json] = OUTPUTS, project_id: UUID = PROJECT) -> list[e.Payload]:
    """Return a project whose every step is done."""
    steps = [payload for kind, content in outputs.items() for payload in made(kind, content, project_id)]
    return [*begun(), *steps, COMPLETED]


def folded(payloads: list[e.Payload]) -> Project:
    """Return the state after these events."""
    state = Project()
    for payload in payloads:
        state = evolve(state, payload)
    return state
