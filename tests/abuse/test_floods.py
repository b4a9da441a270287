"""Floods: who wants too much at once is told so or read no further, and others are served all the while."""

from collections import Counter

import pytest

from abuse import floods
from abuse.besieged import HEADER_SECONDS, MAX_SOCKETS, MAX_SUBSCRIPTIONS, Besieged
from abuse.frames import PING, TEXT
from abuse.siege import fluently, unmoved

pytestmark = pytest.mark.timeout(300)
SUBSCRIPTIONS = 10_000
MESSAGES = 100_000


async def test_of_a_thousand_sockets_at_once_a_hundred_are_opened(open_baton: Besieged) -> None:
    """The others are told 429."""
    port, world = open_baton.port, open_baton.world
    async with unmoved(open_baton):
        statuses = await fluently(open_baton, lambda: floods.sockets(port, world, 1_000))
    assert statuses == {101: MAX_SOCKETS, 429: 1_000 - MAX_SOCKETS}


async def test_subscriptions_end_at_their_limit(open_baton: Besieged) -> None:
    """Each socket has one from the beginning."""
    port, world = open_baton.port, open_baton.world
    async with unmoved(open_baton):
        answers = await fluently(open_baton, lambda: floods.second_subscriptions(port, world, MAX_SOCKETS))
    assert answers["101"] + answers["subscribed"] == MAX_SUBSCRIPTIONS
    assert answers["429"] + answers["error"] > 0


async def test_ten_thousand_subscriptions_that_cannot_be_are_refused(open_baton: Besieged) -> None:
    port, world = open_baton.port, open_baton.world
    async with unmoved(open_baton):
        answers = await fluently(open_baton, lambda: floods.subscriptions(port, world, SUBSCRIPTIONS))
    assert answers == Counter(error=SUBSCRIPTIONS)


@pytest.mark.parametrize("opcode", [PING, TEXT])
async def test_pings_whose_answers_nobody_reads_hold_nobody_up(open_baton: Besieged, opcode: int) -> None:
    """Those of the protocol, and our own."""
    port, world = open_baton.port, open_baton.world
    async with unmoved(open_baton):
        await fluently(open_baton, lambda: floods.unread(port, world, MESSAGES, opcode))


async def test_a_thousand_connections_that_say_nothing_are_closed(open_baton: Besieged) -> None:
    async with unmoved(open_baton):
        seconds = await fluently(open_baton, lambda: floods.silence(open_baton.port, 1_000))
    assert max(seconds) < 2 * HEADER_SECONDS + 2
