"""Bad inputs over everything that the gateway answers: refused or cut off, and nothing else happens.

Each test sends one kind of them and then looks at what must not have moved: the log, the memory (50 MB), the event
loop (100 ms), the open connections, the process's own log. They come from the route table, so a new route has its
share. With BATON_SOAK=1 all are sent, else some of every kind.
"""

import asyncio

import pytest

from abuse.bad import Bad
from abuse.besieged import HEADER_SECONDS, Besieged, is_full
from abuse.raw import STOPPED
from abuse.selection import GUARDED, OPEN, chosen
from abuse.sending import exchange
from abuse.siege import besiege, told, unmoved

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("kind", [kind for kind in OPEN if kind != "slow"])
async def test_each_is_refused_and_nothing_moves(open_baton: Besieged, kind: str) -> None:
    async with unmoved(open_baton):
        flaws = await besiege(open_baton, kind, chosen(kind, open_baton.world, full=is_full()))
    assert not flaws, told(flaws)


@pytest.mark.parametrize("kind", GUARDED)
async def test_no_stranger_gets_in_and_nothing_moves(guarded_baton: Besieged, kind: str) -> None:
    async with unmoved(guarded_baton):
        flaws = await besiege(guarded_baton, kind, chosen(kind, guarded_baton.world, full=is_full()))
    assert not flaws, told(flaws)


async def test_a_head_that_does_not_end_is_cut_off_in_time(open_baton: Besieged) -> None:
    """The deadline, and as long again for a machine that has other things to do."""
    inputs = chosen("slow", open_baton.world, full=True)
    async with unmoved(open_baton):
        replies = await asyncio.gather(*(exchange(open_baton.port, bad) for bad in inputs))
    found = {bad.name: (reply.seconds, reply.statuses) for bad, reply in zip(inputs, replies, strict=True)}
    late = {name: seconds for name, (seconds, _) in found.items() if seconds is None or seconds > 2 * HEADER_SECONDS}
    assert not late, found
    assert all(400 <= status < 500 for reply in replies for status in reply.statuses), found


@pytest.mark.skipif(not is_full(), reason="it takes half a minute: make soak")
async def test_a_body_that_stops_is_given_up(open_baton: Besieged) -> None:
    """The client stays, and sends nothing more: 408."""
    bad = Bad("stopped", "half a body", (STOPPED,), raw=True)
    async with unmoved(open_baton):
        replies = await asyncio.gather(*(exchange(open_baton.port, bad, within=40) for _ in range(100)))
    assert {status for reply in replies for status in reply.statuses} == {408}


def test_there_are_enough_of_them(open_baton: Besieged, guarded_baton: Besieged) -> None:
    worlds = {**dict.fromkeys(OPEN, open_baton.world), **dict.fromkeys(GUARDED, guarded_baton.world)}
    counts = {kind: len(chosen(kind, world, full=is_full())) for kind, world in worlds.items()}
    print(f"    {sum(counts.values())} bad inputs:", ", ".join(f"{kind} {count}" for kind, count in counts.items()))
    assert sum(counts.values()) >= 300
    assert all(counts.values())
