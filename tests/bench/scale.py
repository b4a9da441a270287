"""How much is measured: everything, or a tenth of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """The full size, or with `quick` a tenth."""

    quick: bool = False

    def of(self, full: int, *, least: int = 1) -> int:
        """Return a size at this scale."""
        return max(least, full // 10) if self.quick else full

    def seconds(self, full: float, *, least: float = 0.5) -> float:
        """Return a duration at this scale."""
        return max(least, full / 10) if self.quick else full
