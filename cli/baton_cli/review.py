"""Who decides at a gate: the person at the terminal, or nobody, which approves.

A question at the terminal does not block anything: other lines go on, Ctrl-C works, and an answer that somebody else
gives meanwhile ends it (by cancelling `decide`).
"""

import asyncio
import os
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from rich.text import Text

from baton_cli.document import markdown_of
from baton_cli.lines import Gate
from baton_cli.screen import Screen
from baton_cli.trouble import Trouble

_LONG: Final = 60
_LINE_BYTES: Final = 4096
_ACTIONS: Final = {
    "a": "approved",
    "approve": "approved",
    "m": "amended",
    "amend": "amended",
    "r": "rejected",
    "reject": "rejected",
}  # nothing else: "amend" must not be taken for an a
_NEEDS: Final = {"amended": "What shall be different? ", "rejected": "Why? "}


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided, and in which words."""

    action: str
    text: str


class Reviewer(Protocol):
    """Decides at gates."""

    async def decide(self, gate: Gate, content: Mapping[str, Any]) -> Decision:
        """Return a decision on a task's work."""


@dataclass(frozen=True, slots=True)
class Nobody:
    """Approves, and says why."""

    why: str

    async def decide(self, _gate: Gate, _content: Mapping[str, Any]) -> Decision:
        """Approve."""
        return Decision("approved", self.why)


@dataclass(frozen=True, slots=True)
class Person:
    """The person at the terminal; a long document is written to a file in `folder`."""

    screen: Screen
    folder: Path

    async def decide(self, gate: Gate, content: Mapping[str, Any]) -> Decision:
        """Show the work and ask until there is a decision. Raises `Trouble` when the terminal is gone."""
        with self.screen.paused():
            self._show(gate, markdown_of(content))
            while (action := _ACTIONS.get((await self._ask("Approve, amend or reject? [a/m/r] ")).lower())) is None:
                self.screen.print(Text("Type a to approve, m to amend in your own words, or r to reject.", "dim"))
            if action not in _NEEDS:
                return Decision(action, "")
            while not (text := await self._ask(_NEEDS[action])):
                self.screen.print(Text("The agent needs words to go by.", "dim"))
            return Decision(action, text)

    def _show(self, gate: Gate, document: str) -> None:
        from rich.markdown import Markdown  # noqa: PLC0415 (a tenth of a second, at a gate alone)

        lines = document.splitlines()
        self.screen.print(Markdown("\n".join(lines[:_LONG])))
        if len(lines) > _LONG:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"review-{gate.request_id[:8]}.md"
            path.write_text(document + "\n", "utf-8")
            self.screen.print(Text(f"\n... and {len(lines) - _LONG} more lines: all of it is in {path}", "dim"))

    async def _ask(self, question: str) -> str:
        self.screen.console.print(Text(question, "bold yellow"), end="")
        line = await read_line(sys.stdin.fileno())
        if not line:
            self.screen.print("")
            raise Trouble("The terminal gives no more input, so nobody can decide. Use --yes to approve at every gate.")
        return line.strip()


async def read_line(terminal: int) -> str:
    """Return the next line typed at a terminal, with its line end; empty when there will be none."""
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[bytes] = loop.create_future()

    def take() -> None:
        loop.remove_reader(terminal)
        try:
            typed.set_result(os.read(terminal, _LINE_BYTES))
        except OSError:
            typed.set_result(b"")

    termios.tcflush(terminal, termios.TCIFLUSH)  # what was typed before the question is no answer to it
    loop.add_reader(terminal, take)
    try:
        return (await typed).decode(errors="replace")
    finally:
        loop.remove_reader(terminal)
