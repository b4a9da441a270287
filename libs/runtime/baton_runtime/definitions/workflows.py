"""Workflows: a BMAD v4 workflow file's `sequence`, as steps that hand over to each other.

Invariant: step ids are unique and follow from the agents' names in order, so the same file always gives the
same ids and the same digest. On failure `InvalidDefinition` names the field; a workflow is whole or not at
all.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Final, Literal

from baton_contracts.definitions import Deadline, Step, Workflow
from baton_contracts.handoffs import ARTIFACT_TYPES

from .fields import Fields
from .yaml import InvalidDefinition

_DURATION: Final = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_UNITS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST: Final = 366 * 86_400
_ANSWERS: Final[Mapping[str, Literal["approved", "rejected"]]] = {"approve": "approved", "reject": "rejected"}
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
        gate, deadline = _gate(fields)
        yield Step(
            id=step_id,
            agent=agent,
            creates=fields.text("creates"),
            requires=fields.names("requires"),
            handoff_type=handoff_type(fields, "handoff_type", HANDOFF_BY_AGENT.get(agent, "")),
            action=fields.text("action", ""),
            instructions=fields.text("notes", "").strip(),
            gate=gate,
            deadline=deadline,
        )


def _free_id(agent: str, taken: set[str]) -> str:
    if agent not in taken:
        return agent
    return next(name for n in count(2) if (name := f"{agent}-{n}") not in taken)


def _gate(fields: Fields) -> tuple[bool, Deadline | None]:
    """Read `gate: hitl`, or a mapping with `type`, `deadline` and `on_expire`."""
    if not isinstance(fields.mapping.get("gate"), dict):
        return _is_hitl(fields, "gate"), None
    gate = fields.child("gate")
    if not _is_hitl(gate, "type"):
        raise InvalidDefinition(f"{gate.name('type')} is missing; write 'hitl'")
    return True, _deadline(gate)


def _is_hitl(fields: Fields, key: str) -> bool:
    kind = fields.text(key, "")
    if kind not in {"", "hitl"}:
        raise InvalidDefinition(f"{fields.name(key)} is '{kind}'; write 'hitl', or leave the field out")
    return kind == "hitl"


def _deadline(gate: Fields) -> Deadline | None:
    text, answer = gate.text("deadline", ""), gate.text("on_expire", "")
    if not text and not answer:
        return None
    found = _DURATION.fullmatch(text)
    if not found or not 0 < (seconds := int(found[1]) * _UNITS[found[2]]) <= _LONGEST:
        raise InvalidDefinition(f"{gate.name('deadline')} is '{text}'; write 90s, 15m, 24h or 7d, at most 366d")
    if answer not in _ANSWERS:
        raise InvalidDefinition(f"{gate.name('on_expire')} is '{answer}'; write 'approve' or 'reject'")
    return Deadline(seconds=seconds, on_expire=_ANSWERS[answer])
