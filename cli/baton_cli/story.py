"""What frames and snapshots of one project mean, as lines to tell. Pure: it knows no socket and no terminal.

Frames say most; what they do not say (who handed what to whom) is read from a snapshot, the project's state. A
snapshot alone tells everything that matters too, so missed frames cost details and never the outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = Mapping[str, Any]
PERSON: Final = "you"
MADE: Final = {
    "spec": "software specification",
    "plan": "implementation plan",
    "code": "code",
    "log": "test report",
}


@dataclass(frozen=True, slots=True)
class Handoff:
    """The baton passes."""

    source: str
    target: str
    what: str


@dataclass(frozen=True, slots=True)
class Message:
    """An agent says something."""

    agent: str
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an agent is."""

    agent: str
    percent: int
    stage: str


@dataclass(frozen=True, slots=True)
class Gate:
    """A person is asked."""

    request_id: str
    task_id: str
    question: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A person has answered."""

    request_id: str
    action: str
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the whole project."""

    text: str


Line = Handoff | Message | Progress | Gate | Decided | Note
