"""How far a long piece of work is: a bar on a terminal, else a plain line now and then. Both on standard error."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

_EVERY_SECONDS: Final = 5.0
Report = Callable[[int, int], None]


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} events/s" if task.speed else "")


@contextlib.contextmanager
def meter(doing: str) -> Iterator[Report]:
    """Give what is to be called with (events done, of all)."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(doing)
        return
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), _Speed(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(doing, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _lines(doing: str) -> Report:
    last = monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        if monotonic() - last >= _EVERY_SECONDS:
            last = monotonic()
            print(f"{doing}: {done:,} of {total:,} events", file=sys.stderr, flush=True)  # noqa: T201

    return report
