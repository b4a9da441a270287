"""The embedded model: turns an idea into a data model, and a data model into a small working web service.

It is a program of rules, not a language model, and says so in everything it makes. Invariants: the same question
gives the same answer (no clock, no randomness, no network); every entity of the data model is in the schema, the
API and the page of the generated program; text from people reaches generated files only as escaped data, never as
code, markup or template. What it understands but cannot build is named as out of scope. On failure it raises
`ModelRefused`.
"""

from baton_agent_runner.embedded.model import EmbeddedModel

__all__ = ["EmbeddedModel"]
