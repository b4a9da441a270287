"""Parts of a message that an agent is still writing, as its runner tells them to whoever listens.

They are in no log and may be lost: the whole message is what the event says that follows.
"""

from typing import Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from baton_contracts.frames import Frame, FrameType

TOPIC: Final = "message_parts"
"""What they are broadcast under."""

FRAME_TYPE: Final[FrameType] = "new_message"
"""The frames that they make: those who want these hear the parts too."""


class MessagePart(BaseModel):
    """The text that comes next in the message that a task's agent writes; `timestamp` is the runner's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    project_id: UUID
    task_id: UUID
    agent_type: str
    attempt: int
    message: str
    timestamp: AwareDatetime

    def frame(self) -> Frame:
        """Return what a browser is told of it."""
        return {
            "event_type": FRAME_TYPE,
            "agent_type": self.agent_type,
            "message": self.message,
            "timestamp": self.timestamp.isoformat(),
            "project_id": str(self.project_id),
            "task_id": str(self.task_id),
            "position": None,
            "event_id": None,
            "partial": True,
        }
