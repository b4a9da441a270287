"""Which acknowledgements go over the wire: as few frames as possible, and never one that settles too much.

Delivery tags of one channel count 1, 2, 3, ... A `multiple` acknowledgement settles every tag up to its own, so it
may only name a tag below which everything is settled; the others go singly. Each tag is settled exactly once: the
broker closes a channel that settles a tag twice. Pure: the caller sends what `drain` returns, in that order.
"""

from dataclasses import dataclass
from enum import Enum, auto


class Verdict(Enum):
    """What becomes of a delivery."""

    ACK = auto()
    REQUEUE = auto()
    DISCARD = auto()


@dataclass(frozen=True, slots=True)
class Settlement:
    """One frame: `tag` alone, or with `multiple` all unsettled tags up to it."""

    verdict: Verdict
    tag: int
    multiple: bool = False


class Settlements:
    """The open tags of one channel and the verdicts not yet sent."""

    def __init__(self) -> None:
        self._floor = 0  # every tag up to here is settled on the wire
        self._above: set[int] = set()  # settled on the wire, but above the floor
        self._acked: set[int] = set()
        self._refused: dict[int, Verdict] = {}

    def add(self, tag: int, verdict: Verdict) -> bool:
        """Note a verdict; False when this tag already has one, which is then kept."""
        if tag <= self._floor or tag in self._above or tag in self._acked or tag in self._refused:
            return False
        if verdict is Verdict.ACK:
            self._acked.add(tag)
        else:
            self._refused[tag] = verdict
        return True

    def drain(self) -> list[Settlement]:
        """Take the frames to be sent now: refusals, then one `multiple` at most, then what lies above it."""
        frames = [Settlement(verdict, tag) for tag, verdict in self._refused.items()]
        self._above.update(self._refused)
        self._refused.clear()
        if (top := self._rise()) is not None:
            frames.append(Settlement(Verdict.ACK, top, multiple=True))
        frames.extend(Settlement(Verdict.ACK, tag) for tag in sorted(self._acked))
        self._above |= self._acked
        self._acked.clear()
        return frames

    def _rise(self) -> int | None:
        """Lift the floor as far as all is settled; the highest fresh acknowledgement below it, if any."""
        top = None
        while (tag := self._floor + 1) in self._acked or tag in self._above:
            if tag in self._acked:
                top = tag
            self._acked.discard(tag)
            self._above.discard(tag)
            self._floor = tag
        return top
