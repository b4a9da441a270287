"""Where the story is told: lines, and in a terminal below them who works right now.

Without a terminal the same lines come plain: no control codes, no wrapping, progress as lines of its own. What
agents and people wrote is shown with its control characters taken out, so no text can take over the terminal.
"""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from baton_cli.lines import Decided, Gate, Handoff, Line, Message, Note, Progress

_NAME_WIDTH: Final = 10
_PLAIN_WIDTH: Final = 160
_COLOURS: Final = {"approved": "green", "amended": "yellow", "rejected": "red"}


def harmless(text: str) -> str:
    """Return a text without control characters; line ends and tabs stay."""
    return "".join(character for character in text if character.isprintable() or character in "\n\t")


class Screen:
    """Standard output, live if it is a terminal."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty()
        self.console = Console(highlight=False) if self.live else _plain_console()
        self._view = Live(console=self.console, transient=True, refresh_per_second=10, redirect_stderr=False)
        self._status = ""
        self._working: Mapping[str, Progress] = {}

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Show who works, while in this context."""
        if not self.live:
            yield
            return
        with self._view:
            yield

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to a conversation, while in this context."""
        running = self._view.is_started
        self._view.stop()
        try:
            yield
        finally:
            if running:
                self._view.start()

    def close(self) -> None:
        """Give the terminal back as it was found."""
        self._view.stop()

    def show(self, status: str, working: Mapping[str, Progress]) -> None:
        """Show who works, or else what is going on; a terminal alone can."""
        self._status, self._working = status, working
        self._view.update(self._footer(), refresh=self._view.is_started)  # else the next line shows what was before it

    def tell(self, line: Line) -> None:
        """Add a line for good; progress only where it is not seen below."""
        match line:
            case Handoff(source, target, what):
                self.print(Text.assemble("\n", (f"{source} -> {target}", "bold cyan"), f": {what}"))
            case Message(agent, text):
                self._say(agent, "cyan", text)
            case Progress(agent, percent, stage):
                if not self.live:
                    self._say(agent, "cyan", f"{percent} % {stage}")
            case Gate(_, _, question):
                self._say("gate", "bold yellow", question)
            case Decided(_, action, text):
                self._say(action, f"bold {_COLOURS.get(action, '')}", text)
            case Note(text):
                self.print(Text(harmless(text), style="dim"))

    def _say(self, who: str, style: str, text: str) -> None:
        if not self.live:
            self.print(Text(f"{who:>{_NAME_WIDTH}}  {harmless(text)}"))
            return
        row = Table.grid(padding=(0, 2))
        row.add_column(width=_NAME_WIDTH, justify="right", style=style)
        row.add_row(Text(who), Text(harmless(text)))
        self.print(row)

    def print(self, what: RenderableType) -> None:
        """Add anything for good."""
        self.console.print(what, soft_wrap=isinstance(what, Text) and not self.live)

    def _footer(self) -> RenderableType:
        rows = Table.grid(padding=(0, 1))
        for progress in self._working.values():
            bar = ProgressBar(total=100, completed=progress.percent, width=24)
            name = Text(f"{progress.agent:<{_NAME_WIDTH}}", style="bold cyan")
            rows.add_row(Spinner("dots"), name, bar, Text(harmless(progress.stage), style="dim"))
        return rows if self._working else Group(Spinner("dots", Text(self._status, style="dim")))


def _plain_console() -> Console:
    return Console(
        force_terminal=False, no_color=True, color_system=None, width=_PLAIN_WIDTH, highlight=False, emoji=False
    )
