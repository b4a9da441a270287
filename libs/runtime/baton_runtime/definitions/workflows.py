"""Workflows: a BMAD v4 workflow file's `sequence`, as steps that hand over to each other.

Invariant: step ids are unique and follow from the agents' names in order, so the same file always gives the
same ids and the same digest. On failure `InvalidDefinition` names the field; a workflow is whole or not at
all.
"""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Final

from baton_contracts.definitions import Step, Workflow
from baton_contracts.handoffs import ARTIFACT_TYPES

from .fields import Fields
from .yaml import InvalidDefinition

HANDOFF_BY_AGENT: Final[Mapping[str, str]] = {
    "analyst": "software_specification",
    "architect": "implementation_plan",
    "coder": "code_package",
    "tester": "test_report",
    "deployer": "deployment_package",
}


def read_workflow(data: Mapping[str, Any]) -> Workflow:
    """Return the workflow in a parsed file; `InvalidDefinition` names the field that is missing or wrong."""
    fields = Fields(data).child("workflow")
    steps = tuple(_steps(fields))
    if not steps:
        raise InvalidDefinition("workflow.sequence is missing or empty; a workflow needs at least one step")
    return Workflow(
        id=fields.slug("id"),
        name=fields.text("name"),
        description=fields.text("description", "").strip(),
        steps=steps,
    )


def handoff_type(fields: Fields, key: str, default: str) -> str:
    """Return the handoff type in `key`, else `default`; it must be one that an agent can make."""
    kind = fields.text(key, default)
    if kind not in ARTIFACT_TYPES:
        known = ", ".join(ARTIFACT_TYPES)
        found = f"is '{kind}'" if kind else "is missing"
        raise InvalidDefinition(f"{fields.name(key)} {found}; set it to one of: {known}")
    return kind


def _steps(workflow: Fields) -> Iterator[Step]:
    taken: set[str] = set()
    for fields in workflow.children("sequence"):
        agent = fields.slug("agent")
        step_id = _free_id(agent, taken)
        taken.add(step_id)
        yield Step(
            id=step_id,
            agent=agent,
            creates=fields.text("creates"),
            requires=fields.names("requires"),
            handoff_type=handoff_type(fields, "handoff_type", HANDOFF_BY_AGENT.get(agent, "")),
            action=fields.text("action", ""),
            instructions=fields.text("notes", "").strip(),
            gate=_gate(fields),
        )


def _free_id(agent: str, taken: set[str]) -> str:
    if agent not in taken:
        return agent
    return next(name for n in count(2) if (name := f"{agent}-{n}") not in taken)


def _gate(fields: Fields) -> bool:
    gate = fields.text("gate", "")
    if gate not in {"", "hitl"}:
        raise InvalidDefinition(f"{fields.name('gate')} is '{gate}'; write 'hitl', or leave the field out")
    return gate == "hitl"
