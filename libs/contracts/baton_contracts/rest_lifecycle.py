"""What the gateway is told and what it answers where a project's, an agent's or a bundle's life is intervened in."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from baton_contracts.rest import RequestBody
from baton_contracts.texts import Words

MAX_HOURS: Final = 10 * 366 * 24
DEFAULT_REASON: Final = "no reason was given"
Hours = Annotated[float, Field(strict=True, ge=0, le=MAX_HOURS, allow_inf_nan=False)]


class Cancellation(RequestBody):
    """Why a project is cancelled, for whoever reads its log."""

    reason: Words | None = None

    @property
    def words(self) -> str:
        """The reason that is kept: the given one, where it says something."""
        return (self.reason or "").strip() or DEFAULT_REASON


class Age(RequestBody):
    """How old a bundle is, at least, to be cleaned up."""

    max_age_hours: Hours


class CompletionIndicator(BaseModel):
    """One thing that a complete project has, and whether this one has it."""

    indicator: str
    met: bool
    detail: str


class CompletionChecked(BaseModel):
    """Answer to a check: whether the project is completed, and what speaks for that and against it."""

    is_complete: bool
    completion_indicators: list[CompletionIndicator]


class ForceCompleted(BaseModel):
    """Answer to a completion that was not waited for."""

    status: Literal["completed"]
    artifacts_generated: bool


class PauseState(BaseModel):
    """Answer to pausing and resuming: a paused project stays active."""

    project_id: UUID
    status: Literal["active", "completed", "failed"]
    paused: bool


class Cancelled(BaseModel):
    """Answer to a cancellation: a cancelled project is failed, with the reason."""

    project_id: UUID
    status: Literal["failed"]
    reason: str


class Retried(BaseModel):
    """Answer to a retry: what waits for the agent, the same task under a new attempt or a new one after a rejection."""

    task_id: UUID
    status: Literal["pending"]
    attempt: int


class AgentResetDone(BaseModel):
    """Answer to a reset: the agent is idle, and what it held is done again."""

    message: str
    status: Literal["idle"]


class BundlesCleaned(BaseModel):
    """Answer to cleaning up a project's bundles."""

    cleaned_files: int
    status: Literal["success"]
    freed_bytes: int


class OldBundlesCleaned(BaseModel):
    """Answer to cleaning up what is old."""

    cleaned_files: int
    freed_space_mb: float
    freed_bytes: int
