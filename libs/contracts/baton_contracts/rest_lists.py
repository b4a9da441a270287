"""What the gateway answers where things of many projects are listed, a page at a time."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from baton_contracts.rest import HitlView


class ProjectLine(BaseModel):
    """A project without what it holds."""

    project_id: UUID
    name: str
    status: Literal["active", "completed", "failed"]
    paused: bool
    reason: str | None
    created_at: datetime
    updated_at: datetime


class ProjectPage(BaseModel):
    """Some projects, in the order asked for; `next` is the `cursor` of the next page, null at the end."""

    projects: list[ProjectLine]
    next: str | None


class HitlPage(BaseModel):
    """Some questions of all projects, oldest first; `pending_count` counts those of all pages that wait."""

    requests: list[HitlView]
    next: str | None
    pending_count: int


class AgentDefinition(BaseModel):
    """An agent as its file describes it; `output` is the handoff type that it makes."""

    agent_type: str
    name: str
    title: str
    icon: str
    when_to_use: str
    output: str


class AgentDefinitions(BaseModel):
    """Every agent that the definitions name."""

    agents: list[AgentDefinition]
