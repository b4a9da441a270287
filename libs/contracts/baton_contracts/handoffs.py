"""What one agent hands to the next: the contract's `HandoffSchema` and its typed contents.

Invariant: the orchestrator alone builds a handoff; `content` always fits the model that `HANDOFF_TYPES` names
for `handoff_type`, both where it is made and where it is taken. Unknown fields are refused, never dropped.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1)]
Json = dict[str, Any]
PERSON: Final = "user"  # the `source_agent` of what a person hands over


class HandoffContent(BaseModel):
    """A typed handoff content: frozen, and strict about what it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ProductIdea(HandoffContent):
    """What a person asked for: the handoff to the first agent."""

    product_idea: Text


class SoftwareSpecification(HandoffContent):
    """Analyst to architect, field for field as in the contract."""

    requirements: list[str]
    user_stories: list[str]
    high_level_features: list[str]
    core_idea: Text


class ImplementationPlan(HandoffContent):
    """Architect to coder, field for field as in the contract."""

    architecture_diagram_url: str
    database_schema: str
    tech_stack: list[str]
    task_breakdown: list[str]


class SourceFile(HandoffContent):
    """One file of a package: a relative POSIX path and its text."""

    path: Text
    content: str


class CodePackage(HandoffContent):
    """Coder to tester: the program with its tests, and the commands (argv) that start and test it."""

    files: list[SourceFile] = Field(min_length=1)
    run_command: list[str]
    test_command: list[str]


class TestReport(HandoffContent):
    """Tester to deployer: what running the tests really gave."""

    __test__ = False  # pytest would collect a class of this name

    passed: bool
    tests_run: int = Field(ge=0)
    failures: int = Field(ge=0)
    command: list[str]
    duration_seconds: float = Field(ge=0)
    output: str


class DeploymentPackage(HandoffContent):
    """Deployer to the user: the files that build and run the program elsewhere."""

    files: list[SourceFile] = Field(min_length=1)
    run_instructions: list[str]


HANDOFF_TYPES: Final[Mapping[str, type[HandoffContent]]] = {
    "product_idea": ProductIdea,
    "software_specification": SoftwareSpecification,
    "implementation_plan": ImplementationPlan,
    "code_package": CodePackage,
    "test_report": TestReport,
    "deployment_package": DeploymentPackage,
}

ARTIFACT_TYPES: Final[Mapping[str, str]] = {
    "software_specification": "spec",
    "implementation_plan": "plan",
    "code_package": "code",
    "test_report": "log",
    "deployment_package": "code",
}
"""The contract's four artifact types, by the handoff type that an agent produces."""


class HandoffSchema(BaseModel):
    """The contract's base schema for all structured communication: exactly these five fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project_id: UUID
    source_agent: Text
    target_agent: Text
    handoff_type: Text
    content: Json

    def typed_content(self) -> HandoffContent:
        """Return `content` as its registered model.

        Raises `KeyError` for an unregistered handoff type, `pydantic.ValidationError` for a content that does not
        fit it.
        """
        return HANDOFF_TYPES[self.handoff_type].model_validate(self.content)
