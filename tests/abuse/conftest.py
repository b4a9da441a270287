"""Two Batons to be besieged: one that asks nobody who they are, and one that takes keys."""

import asyncio
from collections.abc import Iterator

import pytest

from abuse.besieged import Besieged, besieged
from abuse.selection import GUARDED, OPEN, chosen
from abuse.sending import send_all
from abuse.sockets import say_all

_FEW = 10


@pytest.fixture(scope="package")
def open_baton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    """Run a Baton that asks nobody who they are."""
    with besieged(tmp_path_factory.mktemp("open"), auth="off") as target:
        asyncio.run(_warm_up(target, [*OPEN]))
        yield target


@pytest.fixture(scope="package")
def guarded_baton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    """Run a Baton that takes keys."""
    with besieged(tmp_path_factory.mktemp("guarded"), auth="on") as target:
        asyncio.run(_warm_up(target, [*GUARDED]))
        yield target


async def _warm_up(target: Besieged, kinds: list[str]) -> None:
    """Send a little of everything, so that what is loaded or kept once is there; then take note of what is held."""
    for kind in kinds:
        few = chosen(kind, target.world, full=False)[:_FEW]
        if kind not in {"slow", "raw"}:
            await (say_all(target.port, few, target.world) if kind == "said" else send_all(target.port, few))
    target.memory, _ = target.watched.memory()
    target.files = target.watched.files()
