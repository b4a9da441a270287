"""Definitions after loading: the one normalised form of a workflow, an agent, a team and a template.

Loaders (in `baton_runtime.definitions`) turn BMAD v4 files into these; decisions see nothing else. A running
execution names the hash of its workflow, so a changed file never changes it.
"""

import hashlib
import json
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SLUG_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,63}$"
Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
SectionType = Literal["template-text", "paragraphs", "bullet-list", "numbered-list", "table", "code", "mermaid"]


class Definition(BaseModel):
    """A frozen definition that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Deadline(Definition):
    """How long a gate waits for its person, in seconds, and what stands for the answer when nobody gave one."""

    seconds: int = Field(gt=0, le=366 * 86_400)
    on_expire: Literal["approved", "rejected"]


class Step(Definition):
    """One step: the agent that works, what it makes, what it needs, and whether a person decides after it."""

    id: Slug
    agent: Slug
    creates: str
    requires: tuple[str, ...] = ()  # names that earlier steps create
    handoff_type: str
    action: str = ""
    instructions: str = ""
    gate: bool = False
    deadline: Deadline | None = None  # of the gate; without one it waits for as long as it takes


class Workflow(Definition):
    """A workflow: steps in order, each handing over to the next."""

    id: Slug
    name: str
    description: str = ""
    steps: tuple[Step, ...] = Field(min_length=1)

    def digest(self) -> str:
        """Return the sha256 (hex) of the canonical JSON of this definition."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def step(self, step_id: str) -> Step:
        """Return the step of that id; `KeyError` where there is none."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def after(self, step_id: str) -> Step | None:
        """Return the step that follows, or None after the last."""
        order = [step.id for step in self.steps]
        following = order.index(step_id) + 1
        return self.steps[following] if following < len(order) else None


class Agent(Definition):
    """An agent: who it is and how it is asked."""

    id: Slug
    name: str
    title: str
    icon: str = ""
    when_to_use: str = ""
    prompt: str  # the system prompt, from the agent file's persona
    output: str = ""  # the handoff type that it makes
    templates: tuple[str, ...] = ()  # ids of the templates that show its output


class Team(Definition):
    """A team: the agents it has and the workflows it may run."""

    id: Slug
    name: str
    description: str = ""
    agents: tuple[str, ...]
    workflows: tuple[str, ...] = ()

    def covers(self, workflow: Workflow) -> bool:
        """Tell whether every agent that the workflow needs is in the team; `*` stands for every agent."""
        return "*" in self.agents or {step.agent for step in workflow.steps} <= set(self.agents)


class Section(Definition):
    """A part of a document: a heading, a body with `{{variables}}`, and parts below it."""

    id: str
    title: str = ""
    type: SectionType = "template-text"
    instruction: str = ""  # for whoever writes the document; never part of it
    template: str = ""
    language: str = ""  # of a code block
    columns: tuple[str, ...] = ()  # of a table
    sections: tuple["Section", ...] = ()


class Template(Definition):
    """A document's form: its title, where it is kept, and its sections in order."""

    id: Slug
    name: str
    version: str
    description: str = ""
    title: str
    filename: str
    sections: tuple[Section, ...] = Field(min_length=1)


class Definitions(Definition):
    """All that a `.bmad-core` folder defines, by id."""

    workflows: dict[str, Workflow] = Field(default_factory=dict)
    agents: dict[str, Agent] = Field(default_factory=dict)
    teams: dict[str, Team] = Field(default_factory=dict)
    templates: dict[str, Template] = Field(default_factory=dict)
