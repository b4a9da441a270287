"""A whole project's story, for tests that read it back."""

from baton_contracts import events as e
from baton_contracts.commands import CreateProject, ReplaceRunner
from baton_contracts.project import Project
from baton_orchestrator.decide import decide
from baton_orchestrator.steps import Payloads
from support.stories import PROJECT, RUNNER, OneWorkflow, completed, fold, only, origin, started

TABLES = (
    "projects",
    "workflow_executions",
    "tasks",
    "context_artifacts",
    "hitl_requests",
    "agent_status",
    "agent_status_history",
    "timers",
)
CREATE = CreateProject(
    project_id=PROJECT, name="N", product_idea="An idea", tenant="default", workflow_id="two-steps", team_id=None
)


def whole_story() -> Payloads:
    """Return a project's life: rejected once, amended once, a runner lost, completed, bundled."""
    story: Payloads = decide(Project(), CREATE, origin("create"), OneWorkflow())

    def react(name: str) -> None:
        nonlocal story
        story = (*story, *decide(fold(*story), story[-1], origin(name), OneWorkflow()))

    actions: tuple[e.Action, ...] = ("rejected", "amended")
    for action in actions:
        task = only(story[-1:], e.TaskCreated)
        lost = ReplaceRunner(project_id=PROJECT, task_id=task.task_id, attempt=1, runner_id=RUNNER)
        story = (*story, started(task))
        story = (*story, *decide(fold(*story), lost, origin(f"lost {action}"), OneWorkflow()))
        story = (*story, started(task, 2), completed(task, 2))
        react(f"complete {action}")
        request = only(story[-1:], e.HitlRequest)
        story = (
            *story,
            e.HitlResponse(
                request_id=request.request_id,
                task_id=request.task_id,
                agent_type="analyst",
                action=action,
                response="words",
            ),
        )
        react(action)
    story = (*story, started(task, 3), completed(task, 3, gate=False))
    react("amended")
    last = only(story[-1:], e.TaskCreated)
    story = (*story, started(last), completed(last))
    react("done")
    file = e.BundledFile(name="README.md", type="documentation", size=1, sha256="0")
    return (*story, e.ArtifactsGenerated(sha256="0", size=1, of_version=len(story), files=(file,)))
