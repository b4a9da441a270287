"""What an agent is told in an execution: its step's instructions with the parameters in them, then the context.

Invariants: `{{name}}` is substituted in one pass, so a value is never rendered again, and a name without a value
stays as it is written. What is no text is written as JSON.
"""

import json
import re
from typing import Final

from baton_contracts.events import WorkflowStarted
from baton_contracts.handoffs import Json

_VARIABLE: Final = re.compile(r"\{\{([^{}\n]*)\}\}")


def instructions_for(instructions: str, started: WorkflowStarted) -> str:
    """Return a step's instructions as they read in this execution."""
    parts = [_substituted(instructions, started.parameters)]
    if started.context:
        parts.append("\n".join(["Context:", *(_line(key, value) for key, value in started.context.items())]))
    return "\n\n".join(filter(None, parts))


def _substituted(pattern: str, parameters: Json) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        return _text(parameters[name]) if name in parameters else match.group()

    return _VARIABLE.sub(value, pattern)


def _line(key: str, value: object) -> str:
    """Return one item of a list; further lines of a text stay within it."""
    return f"- {key}: {_text(value)}".replace("\n", "\n  ")


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
