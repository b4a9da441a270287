"""One row a measure: what came out, its floor in the same run, and whether the goal is met."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

HEADINGS: Final = ("measure", "figure", "floor", "ratio", "goal", "met")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; `met` is None where nothing was promised."""

    measure: str
    figure: str
    floor: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """Return its six cells as text."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        met = {None: "", True: "yes", False: "NO"}[self.met]
        return (self.measure, self.figure, self.floor, ratio, self.goal, met)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a ratio to the floor shall be at least, or at most."""

    least: float | None = None
    most: float | None = None

    def judge(self, value: float) -> bool:
        """Tell whether a value meets it."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        bounds = (("at least", self.least), ("at most", self.most))
        return " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


def rate(per_second: float, what: str = "events") -> str:
    """Write a rate."""
    return f"{per_second:,.0f} {what}/s"


def milliseconds(seconds: float) -> str:
    """Write a duration in milliseconds."""
    value = seconds * 1000
    return f"{value:,.0f} ms" if value >= 1000 else f"{value:.3g} ms"


def compare(
    measure: str, figures: Sequence[float], floors: Sequence[float], *, unit: str = "rate", goal: Goal | None = None
) -> Row:
    """Return the row of paired rounds: the medians, and the median of the ratios of each round.

    `unit` is "rate" (events a second), "time" (seconds), or what else is counted by the second.
    """
    write = milliseconds if unit == "time" else partial(rate, what="events" if unit == "rate" else unit)
    ratio = statistics.median(figure / floor for figure, floor in zip(figures, floors, strict=True))
    figure, floor = write(statistics.median(figures)), write(statistics.median(floors))
    return Row(measure, figure, floor, ratio, str(goal or ""), goal.judge(ratio) if goal else None)


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return the smallest sample that so many percent of all do not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def render(rows: Sequence[Row]) -> str:
    """Return the table in Markdown, its columns aligned."""
    cells = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[n]) for line in cells) for n in range(len(HEADINGS))]
    lines = ["| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |"
             for line in cells]  # fmt: skip
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
