"""What the gateway keeps of projects that it read."""

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from baton_gateway.project_cache import ProjectCache, Shown, Version

IDS = [UUID(int=n) for n in range(6)]


def shown_as(body: bytes, position: int = 1) -> Shown:
    version = Version(UUID(int=9), position)
    return Shown(version, version.tag, body, "ours")


def test_a_tag_is_another_for_another_position_and_for_the_same_one_in_another_log() -> None:
    tags = {Version(UUID(int=epoch << 96), position).tag for epoch in (1, 2) for position in (5, 6)}
    assert len(tags) == 4


def test_what_was_read_longest_ago_makes_room() -> None:
    cache = ProjectCache(limit=30)
    for project_id in IDS[:3]:
        cache.keep(project_id, shown_as(b"x" * 10))
    assert cache.get(IDS[0], None)
    cache.keep(IDS[3], shown_as(b"x" * 10))
    assert [bool(cache.get(project_id, None)) for project_id in IDS[:4]] == [True, False, True, True]


def test_what_is_larger_than_the_whole_is_not_kept() -> None:
    cache = ProjectCache(limit=30)
    cache.keep(IDS[0], shown_as(b"x" * 31))
    assert cache.get(IDS[0], None) is None
    cache.keep(IDS[1], shown_as(b"x" * 30))
    assert cache.get(IDS[1], None)


def test_a_project_is_there_for_its_own_tenant_and_for_who_is_of_all() -> None:
    cache = ProjectCache(limit=30)
    cache.keep(IDS[0], shown_as(b"x"))
    assert [bool(cache.get(IDS[0], tenant)) for tenant in ("ours", None, "theirs", "")] == [True, True, False, False]


def test_who_may_not_see_a_project_keeps_it_from_nobody_and_for_nobody() -> None:
    cache = ProjectCache(limit=20)
    for project_id in IDS[:2]:
        cache.keep(project_id, shown_as(b"x" * 10))
    cache.get(IDS[0], "theirs")
    cache.keep(IDS[2], shown_as(b"x" * 10))
    assert [bool(cache.get(project_id, "ours")) for project_id in IDS[:3]] == [False, True, True]


@given(st.lists(st.tuples(st.sampled_from(IDS), st.binary(max_size=40)), max_size=40))
def test_it_gives_what_was_kept_last_and_never_holds_more_than_its_limit(kept: list[tuple[UUID, bytes]]) -> None:
    cache, last = ProjectCache(limit=100), dict[UUID, Shown]()
    for position, (project_id, body) in enumerate(kept):
        last[project_id] = shown_as(body, position)
        cache.keep(project_id, last[project_id])
        held = {one: cache.get(one, None) for one in IDS}
        assert all(shown in (None, last.get(one)) for one, shown in held.items())
        assert sum(len(shown.body) for shown in held.values() if shown) <= 100
    assert cache.get(uuid4(), None) is None
