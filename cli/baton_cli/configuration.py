"""The settings that a command runs with: the environment's, and what its options say instead."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from baton_runtime.settings import Settings


def read_settings(*, data_dir: Path | None = None, **given: Any) -> "Settings":  # noqa: ANN401 - any setting's value
    """Return the settings; an option left out (None) is the environment's. Raises `UnfitSettings`."""
    from baton_runtime.settings import load_settings  # noqa: PLC0415 (heavy: only when needed)

    return load_settings(data_dir=data_dir, **given)
