"""What follows from a workflow's definition: its handoffs, and the rules that Baton holds its steps to."""

from collections.abc import Iterator
from itertools import pairwise

from baton_contracts.definitions import Deadline, Step, Workflow
from baton_contracts.handoffs import HANDOFF_TYPES, PERSON
from baton_contracts.rest_workflows import HandoffView, Phase, ValidationRule


def phases_of(workflow: Workflow) -> list[Phase]:
    """Return the steps in short, in order."""
    return [
        Phase(
            id=step.id,
            name=step.action or step.id,
            agent=step.agent,
            creates=step.creates,
            requires=list(step.requires),
            gate=step.gate,
        )
        for step in workflow.steps
    ]


def handoffs_of(workflow: Workflow) -> list[HandoffView]:
    """Return what is passed from agent to agent, beginning with the idea."""
    first = workflow.steps[0]
    idea = HandoffView(
        source_agent=PERSON,
        target_agent=first.agent,
        handoff_type="product_idea",
        source_step=None,
        target_step=first.id,
    )
    return [idea, *(_handoff(source, target) for source, target in pairwise(workflow.steps))]


def rules_of(workflow: Workflow) -> list[ValidationRule]:
    """Return the rules of every step, in order."""
    rules: list[ValidationRule] = []
    makers: dict[str, str] = {}
    for step in workflow.steps:
        rules.extend(_rules(step, makers))
        makers[step.creates] = step.id
    return rules


def _handoff(source: Step, target: Step) -> HandoffView:
    return HandoffView(
        source_agent=source.agent,
        target_agent=target.agent,
        handoff_type=source.handoff_type,
        source_step=source.id,
        target_step=target.id,
    )


def _rules(step: Step, makers: dict[str, str]) -> Iterator[ValidationRule]:
    """Yield the rules of one step; `makers` are the steps before it by what they create."""
    detail = f"The agent {step.agent} must be defined, else the workflow is not executed."
    yield ValidationRule(rule="agent", step=step.id, detail=detail)
    for artifact in step.requires:
        yield _required(step, artifact, makers.get(artifact))
    fields = ", ".join(HANDOFF_TYPES[step.handoff_type].model_fields)
    detail = f"What the step makes must fit {step.handoff_type} ({fields}), else its task fails."
    yield ValidationRule(rule="output", step=step.id, detail=detail, handoff_type=step.handoff_type)
    if step.handoff_type == "test_report":
        yield ValidationRule(rule="tests_pass", step=step.id, detail="Every test must pass, else the task fails.")
    if step.gate:
        yield _gate(step, step.deadline)


def _required(step: Step, artifact: str, maker: str | None) -> ValidationRule:
    detail = f"The step is given {artifact}, which the step {maker} makes before it."
    if maker is None:
        detail = f"No earlier step makes {artifact}; the step begins without it."
    return ValidationRule(rule="requires", step=step.id, detail=detail, artifact=artifact, made_by=maker)


def _gate(step: Step, deadline: Deadline | None) -> ValidationRule:
    detail = "A person approves, amends or rejects the result before the work goes on."
    if deadline:
        detail += f" It stands as {deadline.on_expire} when nobody has answered within {deadline.seconds} s."
    return ValidationRule(rule="gate", step=step.id, detail=detail, deadline=deadline)
