"""`baton up`: all of Baton in this process until a signal ends it.

The ready line is printed when the gateway serves, and not before. Logs go to standard error.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from baton_cli.admission import describe
from baton_cli.farewell import when_stopped
from baton_cli.house import House, open_house

if TYPE_CHECKING:
    from baton_runtime.settings import Settings

_PAUSE: Final = 0.05


async def serve(settings: "Settings") -> int:
    """Serve until cancelled. Raises what `open_house` raises, and the error of a service that fails."""
    from baton_runtime.telemetry import configure_logging  # noqa: PLC0415

    configure_logging(settings, "baton")
    with when_stopped(f"Stopped; the data stay in {place_of(settings)}."):
        async with open_house(settings) as house:
            with when_stopped("Stopping ..."):
                await house.beside(_until_healthy(house.url))
                print(_ready(house), flush=True)  # noqa: T201
                await house.serving
    return 0


async def _until_healthy(url: str) -> None:
    from baton_cli.client import is_healthy  # noqa: PLC0415 (loaded beside PostgreSQL's start by now)

    while not await is_healthy(url):  # noqa: ASYNC110 (what a client sees: nothing here to wait for)
        await asyncio.sleep(_PAUSE)


def _ready(house: House) -> str:
    who = describe(house.settings)
    return f"Baton is ready: {house.url} ({who}; data in {place_of(house.settings)}; Ctrl-C stops it)"


def place_of(settings: "Settings") -> str:
    """Say where the data are."""
    return "PostgreSQL at BATON_DATABASE_URL" if settings.database_url else str(settings.data_dir)
