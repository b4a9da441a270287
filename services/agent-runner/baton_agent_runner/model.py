"""The protocol that every model adapter follows: a question goes in, a typed answer comes out.

Invariant: an adapter answers with the content type that the question names, or raises `ModelRefused`; it never
answers with half a content.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from baton_contracts.handoffs import HandoffContent, HandoffSchema, Json

Say = Callable[[str], None]
"""Tells people a part of the message while it is written; it may be lost, and the answer holds the whole message."""


class ModelRefused(Exception):
    """The model cannot answer this question; `args[0]` says in plain words why and what would help."""


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent asks a model.

    `artifacts` are the contents of the artifacts that the step requires, by handoff type. `feedback` holds the texts
    of people who amended or rejected this step, oldest first, and `previous` the content that they spoke of.
    """

    agent: str
    output_type: str
    handoff: HandoffSchema
    artifacts: Mapping[str, Json] = field(default_factory=dict)
    feedback: tuple[str, ...] = ()
    prompt: str = ""
    previous: Json | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model gave: the content, JSON that is kept beside it in the artifact, and a message to the chat."""

    content: HandoffContent
    extras: Json
    message: str
    provider: str
    model: str
    input_tokens: int
    output_tokens: int


class Model(Protocol):
    """Whatever can answer a question: `name` is the model's, `provider` says who runs it."""

    @property
    def provider(self) -> str:
        """Who runs it."""
        ...

    @property
    def name(self) -> str:
        """What it is called there."""
        ...

    async def answer(self, question: Question, say: Say, /) -> Answer:
        """Return an answer whose content is of the question's output type; raises `ModelRefused`.

        A model that writes its message bit by bit says each, from the event loop.
        """
        ...
