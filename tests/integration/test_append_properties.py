"""Whatever batches come, `append_batch` does what a few lines of Python say it does."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baton_eventlog.append import Append
from support.logs import Log, command, message, open_log

PROJECTS = [UUID(int=n) for n in range(1, 4)]


@dataclass(frozen=True)
class Asked:
    """A command as it is drawn: `ahead` is the expected version's distance from the true one, None for any."""

    project: UUID
    ahead: int | None
    events: int
    message: int | None


@dataclass
class Model:
    """What the log holds, as far as outcomes go."""

    head: int = 0
    versions: dict[UUID, int] = field(default_factory=dict)
    settled: dict[int, tuple[int, int]] = field(default_factory=dict)

    def answer(self, asked: Asked, expected: int | None, broken: set[UUID]) -> tuple[str, int, int]:
        """Take one command; return its outcome, position and version (those of a conflict do not matter)."""
        version = self.versions.get(asked.project, 0)
        if asked.message in self.settled:
            broken.add(asked.project)
            return ("duplicate", *self.settled[asked.message])
        if asked.project in broken or expected not in (None, version):
            broken.add(asked.project)
            return ("conflict", 0, 0)
        self.head += asked.events
        self.versions[asked.project] = version + asked.events
        if asked.message is not None:
            self.settled[asked.message] = (self.head, version + asked.events)
        return ("ok", self.head, version + asked.events)


ASKED = st.builds(
    Asked,
    project=st.sampled_from(PROJECTS),
    ahead=st.sampled_from([None, 0, 0, 0, 0, 1, -1]),
    events=st.integers(0, 3),
    message=st.none() | st.integers(1, 8),
)
BATCH = st.lists(ASKED, min_size=1, max_size=6, unique_by=lambda asked: asked.message or object())


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    async with open_log(database) as opened:
        yield opened


def order(asked: Asked, version: int) -> tuple[Append, int | None]:
    """Return the command, and the version that it expects."""
    expected = None if asked.ahead is None else max(0, version + asked.ahead)
    append = command(
        asked.project,
        *(message() for _ in range(asked.events or 1)),
        expected=expected,
        message_id=asked.message and UUID(int=100 + asked.message),
    )
    if not asked.events:
        object.__setattr__(append, "events", [])
    return append, expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(BATCH, min_size=1, max_size=6))
async def test_outcomes_positions_and_versions_are_the_models(log: Log, batches: list[list[Asked]]) -> None:
    """For any batches: the same outcomes, dense positions and versions, and no row that was not accepted."""
    await empty(log)
    model = Model()
    for batch in batches:
        running, broken, appends, answers = dict(model.versions), set[UUID](), [], []
        for asked in batch:
            append, expected = order(asked, running.get(asked.project, 0))
            appends.append(append)
            answers.append(model.answer(asked, expected, broken))
            running = dict(model.versions)
        outcomes = await log.append(*appends)
        seen = [(o.kind, o.position, o.version) if o.kind != "conflict" else ("conflict", 0, 0) for o in outcomes]
        assert seen == answers
    rows = await log.pool.fetch("SELECT position, project_id, version FROM event_log ORDER BY position")
    assert [row["position"] for row in rows] == list(range(1, model.head + 1))
    found = {project: [row["version"] for row in rows if row["project_id"] == project] for project in PROJECTS}
    assert found == {project: list(range(1, model.versions.get(project, 0) + 1)) for project in PROJECTS}


async def empty(log: Log) -> None:
    """Begin anew, as no one but a test may."""
    await log.pool.execute(
        "ALTER TABLE event_log DISABLE TRIGGER append_only; TRUNCATE event_log, inbox;"
        "ALTER TABLE event_log ENABLE ALWAYS TRIGGER append_only;"
        "UPDATE log_head SET position = 0, hash = '\\x00', timestamp = '-infinity'"
    )
