"""What the gateway is told and what it answers on templates, workflows and teams: the bodies under `/workflows`.

Requests refuse fields that they do not know. Answers hold the contract's fields literally, and a few more.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, PlainValidator, WithJsonSchema

from baton_contracts.definitions import Deadline, Slug, Step
from baton_contracts.events import ArtifactType
from baton_contracts.handoffs import Json
from baton_contracts.ids import Id
from baton_contracts.rest import RequestBody

MAX_KEYS: Final = 100
MAX_KEY: Final = 100
MAX_JSON: Final = 64 << 10
MAX_VARIABLES: Final = 1000
SECONDS_A_STEP: Final = 60
"""How long a step is taken to last that no execution has completed yet."""

OutputFormat = Literal["markdown", "html", "json", "yaml"]


def _value(given: object) -> object:
    listed = isinstance(given, list) and all(isinstance(element, str) for element in given)
    if not listed and not isinstance(given, str | bool | int | float):
        raise ValueError("it must be a text, a number, true or false, or a list of texts")
    return given


def _bounded(given: Mapping[str, Any]) -> Mapping[str, Any]:
    if not all(0 < len(key) <= MAX_KEY for key in given):
        raise ValueError(f"its names must have 1 to {MAX_KEY} characters")
    if len(json.dumps(given, ensure_ascii=False).encode()) > MAX_JSON:
        raise ValueError(f"it is larger than {MAX_JSON >> 10} KiB")
    return given


TemplateValue = Annotated[
    str | bool | int | float | list[str],
    PlainValidator(_value),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "number"},
                {"type": "boolean"},
                {"type": "array", "items": {"type": "string"}},
            ]
        }
    ),
]
BoundedJson = Annotated[
    Json,
    Field(max_length=MAX_KEYS, json_schema_extra={"propertyNames": {"minLength": 1, "maxLength": MAX_KEY}}),
    AfterValidator(_bounded),
]


class TemplateSummary(BaseModel):
    """A template in a list."""

    id: str
    name: str
    description: str
    version: str


class TemplateList(BaseModel):
    """Every template, in the order of their files."""

    templates: list[TemplateSummary]


class VariableView(BaseModel):
    """A name that a template substitutes: the sections that use it, and whether a list gives it items or rows."""

    name: str
    used_in: list[str]
    repeatable: bool


class SectionView(BaseModel):
    """A section, with its depth below the document's title; sections below one follow it."""

    id: str
    title: str
    type: str
    depth: int = Field(ge=1)


class TemplateView(TemplateSummary):
    """A template whole: `content` is its normalised definition, variables are in the order of first use."""

    content: Json
    variables: list[VariableView]
    sections: list[SectionView]


class RenderRequest(RequestBody):
    """The values that stand for a template's `{{names}}`, and the form of the document."""

    variables: dict[str, TemplateValue] = Field(default_factory=dict, max_length=MAX_VARIABLES)
    output_format: OutputFormat = "markdown"


class Rendered(BaseModel):
    """The document; `missing` are the names that had no value and stand in it as they were written."""

    rendered_content: str
    format: OutputFormat
    variables_used: list[str]
    missing: list[str]


class Phase(BaseModel):
    """A step of a workflow in short."""

    id: str
    name: str
    agent: str
    creates: str
    requires: list[str]
    gate: bool


class WorkflowSummary(BaseModel):
    """A workflow in a list; its phases are its steps, in order."""

    id: str
    name: str
    description: str
    phases: list[Phase]


class WorkflowList(BaseModel):
    """Every workflow, in the order of their files."""

    workflows: list[WorkflowSummary]


class HandoffView(BaseModel):
    """What one agent passes to the next; the first comes from the person with the idea, who has no step."""

    source_agent: str
    target_agent: str
    handoff_type: str
    source_step: str | None
    target_step: str


class ValidationRule(BaseModel):
    """A rule that Baton holds a step to; `detail` says it in words, what does not apply is null.

    `agent`: its agent is defined. `requires`: it is given an artifact that an earlier step made. `output`: what it
    makes fits the handoff type. `tests_pass`: a run of the tests that failed fails the step. `gate`: a person decides
    after it.
    """

    rule: Literal["agent", "requires", "output", "tests_pass", "gate"]
    step: str
    detail: str
    artifact: str | None = None
    made_by: str | None = None
    handoff_type: str | None = None
    deadline: Deadline | None = None


class WorkflowView(BaseModel):
    """A workflow whole; an execution is bound to the definition under its hash."""

    id: str
    name: str
    steps: list[Step]
    handoffs: list[HandoffView]
    validation_rules: list[ValidationRule]
    description: str
    definition_hash: str


class NewExecution(RequestBody):
    """A workflow to be run in a project: what is to be known of it, and the values of the steps' parameters."""

    project_id: Id
    context: BoundedJson = Field(default_factory=dict)
    parameters: BoundedJson = Field(default_factory=dict)


class ExecutionStarted(BaseModel):
    """Answer to a new execution."""

    execution_id: UUID
    status: Literal["started"]
    estimated_duration: int = Field(
        ge=1,
        description="seconds: for each step the mean of its completed tasks in the last 100 executions of this "
        f"workflow, as of this one's start; {SECONDS_A_STEP} s for a step without history",
    )


class StepResult(BaseModel):
    """What a completed step made."""

    task_id: UUID
    artifact_id: UUID | None
    artifact_type: ArtifactType | None
    handoff_type: str | None
    completed_at: datetime


class ExecutionView(BaseModel):
    """How far an execution is; a step counts once, and is completed when its newest task is."""

    execution_id: UUID
    status: Literal["started", "running", "completed", "failed"]
    current_step: str = Field(description="the step of the newest task")
    progress: int = Field(ge=0, le=100)
    results: dict[str, StepResult]
    workflow_id: str
    project_id: UUID
    paused: bool
    started_at: datetime


class TeamSummary(BaseModel):
    """A team in a list; `compatibility` names the workflows that its agents cover."""

    id: str
    name: str
    agents: list[str]
    compatibility: list[str]


class TeamList(BaseModel):
    """Every team, in the order of their files."""

    teams: list[TeamSummary]


class TeamView(TeamSummary):
    """A team whole: the workflows that it is meant for, and the handoff types that its agents make."""

    workflows: list[str]
    capabilities: list[str]
    description: str


class TeamCheck(RequestBody):
    """The workflow that a team is compared with."""

    workflow_id: Slug


class TeamFit(BaseModel):
    """Whether a team has every agent that a workflow needs; what is odd about the two, and what would be better."""

    compatible: bool
    warnings: list[str]
    recommendations: list[str]
