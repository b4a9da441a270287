"""What there is to tell about a project: one small class a kind of line."""

from dataclasses import dataclass


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
    """How far an agent is, in percent, and at which stage."""

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
    """The answer to what a person was asked, whoever gave it."""

    request_id: str
    action: str
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the whole project."""

    text: str


Line = Handoff | Message | Progress | Gate | Decided | Note
