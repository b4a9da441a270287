"""What is said when a person stops something."""

import asyncio
import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def when_stopped(words: str) -> Iterator[None]:
    """Print the words when what is done in this context is cancelled."""
    try:
        yield
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):  # whoever listened is gone: no reason not to stop in good order
            print(words, flush=True)  # noqa: T201
        raise
