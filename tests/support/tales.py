"""A whole project's story, for tests that read it back."""

from typing import Literal
from uuid import UUID

from baton_contracts import events as e
from baton_contracts.commands import (
    CancelProject,
    Command,
    CreateProject,
    ExecuteWorkflow,
    PauseProject,
    ReplaceRunner,
    ResumeProject,
)
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
    "llm_status",
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


def long_story() -> Payloads:
    """Return the life after: cleaned up, executed again, paused, resumed, a model called, bundled again, cancelled."""
    story: Payloads = (*whole_story(), e.ArtifactsCleaned(sha256s=("0",), freed_bytes=1))
    again = ExecuteWorkflow(project_id=PROJECT, workflow_id="two-steps", context={}, parameters={})
    orders: tuple[Command, ...] = (again, PauseProject(project_id=PROJECT), ResumeProject(project_id=PROJECT))
    for order in orders:
        story = (*story, *decide(fold(*story), order, origin(order.command_type), OneWorkflow()))
    task = next(payload for payload in reversed(story) if isinstance(payload, e.TaskCreated))
    attempt = fold(*story).tasks[task.task_id].attempt
    story = (*story, started(task, attempt), called(task.task_id), called(task.task_id, "error"))
    story = (*story, e.ArtifactsGenerated(sha256="1", size=1, of_version=len(story), files=()))
    cancel = CancelProject(project_id=PROJECT, reason="enough")
    return (*story, *decide(fold(*story), cancel, origin("cancel"), OneWorkflow()))


def called(task_id: UUID, outcome: Literal["ok", "error"] = "ok", model: str = "rules") -> e.LlmCall:
    """Return a model's call for a task."""
    return e.LlmCall(
        task_id=task_id,
        agent_type="analyst",
        attempt=1,
        provider="embedded",
        model=model,
        input_tokens=1,
        output_tokens=1,
        latency_ms=1,
        request_hash="0",
        answer={},
        outcome=outcome,
    )
