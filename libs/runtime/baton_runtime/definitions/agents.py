"""Agents: the YAML block of a BMAD v4 agent file (Markdown), as a system prompt.

Invariant: the prompt is made of the persona and `customization` alone; what an agent file says about menus,
greetings or loading other files is for an editor's chat and is left out. On failure `InvalidDefinition`
names the field.
"""

import re
from collections.abc import Iterator
from typing import Final

from baton_contracts.definitions import Agent

from .fields import Fields
from .workflows import handoff_type
from .yaml import MAX_BYTES, InvalidDefinition, parse_yaml

_OPEN: Final = re.compile(rb"^```ya?ml[ \t]*\r?$", re.MULTILINE)
_CLOSE: Final = re.compile(rb"^```[ \t]*\r?$", re.MULTILINE)
_PERSONA: Final = ("role", "style", "identity", "focus")


def read_agent(source: bytes) -> Agent:
    """Return the agent in a Markdown file's first ```yaml block; `InvalidDefinition` says what is wrong."""
    if len(source) > MAX_BYTES:
        raise InvalidDefinition(f"larger than {MAX_BYTES // 1024} KiB; shorten the file")
    root = Fields(parse_yaml(_block(source)))
    fields = root.child("agent")
    return Agent(
        id=fields.slug("id"),
        name=fields.text("name"),
        title=fields.text("title"),
        icon=fields.text("icon", ""),
        when_to_use=fields.text("whenToUse", "").strip(),
        prompt=_prompt(fields, root.child("persona")),
        output=handoff_type(root, "output", "") if root.text("output", "") else "",
        templates=_templates(root),
    )


def _block(source: bytes) -> bytes:
    # Two searches, not one pattern over both fences: that takes a minute for a file of nothing but fences.
    start = _OPEN.search(source)
    end = _CLOSE.search(source, start.end()) if start else None
    if start is None or end is None:
        raise InvalidDefinition("has no ```yaml block that ends with ```; an agent is defined in one")
    return source[start.end() : end.start()]


def _prompt(agent: Fields, persona: Fields) -> str:
    principles = "\n".join(f"- {line.strip()}" for line in persona.lines("core_principles"))
    parts = [
        f"You are {agent.text('name')}, {agent.text('title')}.",
        "\n".join(_persona(persona)),
        f"Your principles:\n{principles}" if principles else "",
        agent.text("customization", "").strip(),
    ]
    return "\n\n".join(part for part in parts if part)


def _persona(persona: Fields) -> Iterator[str]:
    yield f"Role: {persona.text('role').strip()}"
    for key in _PERSONA[1:]:
        if text := persona.text(key, "").strip():
            yield f"{key.capitalize()}: {text}"


def _templates(root: Fields) -> tuple[str, ...]:
    if root.mapping.get("dependencies") is None:
        return ()
    names = root.child("dependencies").names("templates")
    return tuple(name.removesuffix(".yaml") for name in names)
