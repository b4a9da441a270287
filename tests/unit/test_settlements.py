"""Which acknowledgements go over the wire."""

from hypothesis import given
from hypothesis import strategies as st

from baton_runtime.bus.settlements import Settlement, Settlements, Verdict

ACK, REQUEUE = Verdict.ACK, Verdict.REQUEUE


def add(settlements: Settlements, *tags: int, verdict: Verdict = ACK) -> None:
    for tag in tags:
        assert settlements.add(tag, verdict)


def test_an_unbroken_run_goes_as_one_frame() -> None:
    settlements = Settlements()
    add(settlements, 2, 1, 3)
    assert settlements.drain() == [Settlement(ACK, 3, multiple=True)]


def test_what_lies_above_a_gap_goes_singly() -> None:
    settlements = Settlements()
    add(settlements, 1, 2, 4, 6)
    assert settlements.drain() == [
        Settlement(ACK, 2, multiple=True),
        Settlement(ACK, 4),
        Settlement(ACK, 6),
    ]


def test_when_the_gap_closes_the_frame_names_a_tag_that_is_still_open_at_the_broker() -> None:
    settlements = Settlements()
    add(settlements, 2, 3)
    settlements.drain()
    add(settlements, 1)
    assert settlements.drain() == [Settlement(ACK, 1, multiple=True)]
    add(settlements, 4)
    assert settlements.drain() == [Settlement(ACK, 4, multiple=True)]


def test_a_refusal_goes_before_the_frame_that_passes_over_it() -> None:
    settlements = Settlements()
    add(settlements, 1, 3)
    add(settlements, 2, verdict=REQUEUE)
    assert settlements.drain() == [Settlement(REQUEUE, 2), Settlement(ACK, 3, multiple=True)]


def test_a_second_verdict_is_not_taken() -> None:
    settlements = Settlements()
    add(settlements, 1, 3)
    assert not settlements.add(1, REQUEUE)
    settlements.drain()
    assert not settlements.add(1, ACK)
    assert not settlements.add(3, REQUEUE)
    assert settlements.drain() == []


Step = tuple[int, Verdict, bool]


@given(
    st.permutations(range(1, 25)),
    st.lists(st.tuples(st.sampled_from([ACK, ACK, REQUEUE]), st.booleans()), min_size=24, max_size=24),
)
def test_every_tag_is_settled_once_as_it_was_meant(order: list[int], steps: list[tuple[Verdict, bool]]) -> None:
    """A model of the broker takes the frames: none names a tag that is not open, and all are settled in the end."""
    settlements, open_tags = Settlements(), set(range(1, 25))
    noted, settled = dict[int, Verdict](), dict[int, Verdict]()
    for tag, (verdict, flush) in zip(order, steps, strict=True):
        add(settlements, tag, verdict=verdict)
        noted[tag] = verdict
        for frame in settlements.drain() if flush or tag == order[-1] else []:
            assert frame.tag in open_tags
            covered = {one for one in open_tags if one <= frame.tag} if frame.multiple else {frame.tag}
            settled |= dict.fromkeys(covered, frame.verdict)
            open_tags -= covered
            assert settled.items() <= noted.items()
    assert settled == noted
    assert not open_tags
