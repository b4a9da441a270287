"""What was ever written can be read: golden files, the shapes of today, and the steps between versions."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from baton_contracts import events, upcasters
from baton_contracts.events import PAYLOADS, Payload, UnknownPayload, parse_payload
from support.golden import (
    COMMAND,
    GOLDEN,
    fold_of,
    golden_files,
    logged_before,
    reading,
    schemas,
    story,
    undeclared,
)
from support.shapes import breaches

Mutation = Callable[[dict[str, Any]], object]
FILES = list(golden_files())


class Watered(Payload):
    """A payload of tests alone, in its second version: days became hours."""

    event_type: ClassVar[str] = "watered"
    schema_version: ClassVar[int] = 2
    plant: str
    hours: int
    note: str | None = None


def hours(content: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in content.items() if key != "days"}
    return rest | {"hours": content["days"] * 24}


@pytest.fixture
def watered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know the payload above, and its step from version 1."""
    monkeypatch.setattr(events, "PAYLOADS", {**PAYLOADS, "watered": Watered})
    monkeypatch.setattr(upcasters, "UPCASTERS", {("watered", 1): hours})


@pytest.mark.usefixtures("watered")
def test_an_old_shape_is_read_as_the_newest() -> None:
    assert parse_payload("watered", {"plant": "fern", "days": 2}, 1) == Watered(plant="fern", hours=48)
    assert parse_payload("watered", {"plant": "fern", "hours": 5}, 2) == Watered(plant="fern", hours=5)


@pytest.mark.usefixtures("watered")
def test_an_old_shape_without_its_step_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not guessed at."""
    monkeypatch.setattr(upcasters, "UPCASTERS", {})
    with pytest.raises(ValidationError):
        parse_payload("watered", {"plant": "fern", "days": 2}, 1)


@pytest.mark.usefixtures("watered")
def test_a_newer_shape_is_read_as_far_as_it_fits_and_is_never_an_error() -> None:
    newer = {"plant": "fern", "hours": 5, "litres": 1}
    assert parse_payload("watered", newer, 9) == Watered(plant="fern", hours=5)
    assert parse_payload("watered", {"minutes": 5}, 9) == UnknownPayload(content={"minutes": 5})


def test_an_unknown_type_is_kept_as_it_is() -> None:
    assert parse_payload("rained", {"litres": 1}, 4) == UnknownPayload(content={"litres": 1})


def test_steps_apply_in_a_row_and_leave_what_they_were_given() -> None:
    steps = {("x", n): lambda content, n=n: {"path": [*content["path"], n]} for n in (1, 2, 4)}
    given: dict[str, Any] = {"path": []}
    assert [upcasters.upcast("x", n, given, steps)["path"] for n in (1, 2, 3, 4)] == [[1, 2], [2], [], [4]]
    assert given == {"path": []}


def test_every_version_before_todays_has_its_step_and_its_golden_file() -> None:
    wanted = {(name, n) for name, payload in PAYLOADS.items() for n in range(1, payload.schema_version)}
    assert set(upcasters.UPCASTERS) == wanted
    assert wanted <= {(event_type, version) for _, event_type, version in FILES}


def test_every_event_type_has_a_golden_file_of_its_version() -> None:
    wanted = {(name, payload.schema_version) for name, payload in PAYLOADS.items()}
    assert wanted <= {(event_type, version) for _, event_type, version in FILES}, f"Run {COMMAND}"


@pytest.mark.parametrize(("path", "event_type", "version"), FILES, ids=[path.stem for path, _, _ in FILES])
def test_a_golden_file_is_read_as_it_was_before(path: Path, event_type: str, version: int) -> None:
    """It also loses nothing where it is of today's version."""
    read = reading(path, event_type, version)
    assert read == (GOLDEN / "read" / path.name).read_text(), f"After a new optional field, run {COMMAND}"
    if version == PAYLOADS[event_type].schema_version:
        written = json.loads(path.read_text())
        assert {key: json.loads(read)[key] for key in written} == written


def test_the_golden_log_folds_into_the_golden_state() -> None:
    lines = logged_before()
    assert {line["event_type"] for line in lines} == {payload.event_type for payload in story()}
    assert fold_of(lines) == (GOLDEN / "log.fold.json").read_text()


def test_no_shape_changed_without_a_new_version() -> None:
    """Breaks where a class changed: raise its version, write the step, keep the old golden file."""
    kept = json.loads((GOLDEN / "schemas.json").read_text())
    assert undeclared(kept, schemas()) == []
    assert kept == schemas(), f"What was added is allowed; run {COMMAND}"


def test_a_golden_file_of_no_known_type_is_not_left_behind() -> None:
    """Nor may a type that was ever written be forgotten."""
    assert {event_type for _, event_type, _ in FILES} == PAYLOADS.keys()


SHAPE: dict[str, Any] = {
    "title": "Shape",
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Name"},
        "kind": {"enum": ["a", "b"], "type": "string"},
        "count": {"type": "integer", "default": 1, "minimum": 0},
        "part": {"$ref": "#/$defs/Part"},
        "closed": {"$ref": "#/$defs/Closed"},
    },
    "required": ["name", "kind", "part"],
    "$defs": {
        "Part": {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]},
        "Closed": {"type": "object", "additionalProperties": False, "properties": {"x": {"type": "string"}}},
    },
}
BREACHES: dict[str, Mutation] = {
    "a field is dropped": lambda s: s["properties"].pop("count"),
    "a field is renamed": lambda s: s["properties"].update(title=s["properties"].pop("name")),
    "a type changes": lambda s: s["properties"]["name"].update(type="integer"),
    "a type becomes optional": lambda s: s["properties"].update(name={"anyOf": [{"type": "string"}, {"type": "null"}]}),
    "a new field is required": lambda s: (s["properties"].update(new={"type": "string"}), s["required"].append("new")),
    "an optional field is required": lambda s: s["required"].append("count"),
    "a required field is optional": lambda s: s["required"].remove("name"),
    "nothing is required any more": lambda s: s.pop("required"),
    "a default changes": lambda s: s["properties"]["count"].update(default=2),
    "a limit is added": lambda s: s["properties"]["name"].update(maxLength=5),
    "a limit is dropped": lambda s: s["properties"]["count"].pop("minimum"),
    "a choice is added": lambda s: s["properties"]["kind"]["enum"].append("c"),
    "a part changes": lambda s: s["$defs"]["Part"]["properties"]["size"].update(type="number"),
    "a part is dropped": lambda s: s["$defs"].pop("Part"),
    "a part needs more": lambda s: (
        s["$defs"]["Part"]["properties"].update(new={"type": "string"}),
        s["$defs"]["Part"]["required"].append("new"),
    ),
    "a part is another": lambda s: s["properties"]["part"].update({"$ref": "#/$defs/Closed"}),
    "what refuses unknown fields gets one": lambda s: s["$defs"]["Closed"]["properties"].update(y={"type": "string"}),
    "unknown fields are refused from now on": lambda s: s.update(additionalProperties=False),
}
ADDITIONS: dict[str, Mutation] = {
    "nothing changes": lambda s: s.update(),
    "a new field is optional": lambda s: s["properties"].update(new={"type": "string", "default": ""}),
    "a part gets an optional field": lambda s: s["$defs"]["Part"]["properties"].update(new={"type": "string"}),
    "a new field has a part of its own": lambda s: (
        s["properties"].update(new={"$ref": "#/$defs/New"}),
        s["$defs"].update(New={"type": "object"}),
    ),
    "words change": lambda s: s.update(title="Other", description="Said better"),
    "words of a field change": lambda s: s["properties"]["name"].update(title="Other"),
    "fields stand in another order": lambda s: s["required"].reverse(),
}


def mutated(mutation: Mutation) -> dict[str, Any]:
    shape = copy.deepcopy(SHAPE)
    mutation(shape)
    return shape


@pytest.mark.parametrize("mutation", BREACHES.values(), ids=BREACHES)
def test_a_change_that_old_events_or_readers_would_feel_is_found(mutation: Mutation) -> None:
    assert breaches(SHAPE, mutated(mutation))


@pytest.mark.parametrize("mutation", ADDITIONS.values(), ids=ADDITIONS)
def test_an_addition_is_allowed(mutation: Mutation) -> None:
    assert breaches(SHAPE, mutated(mutation)) == []


def test_a_breach_needs_a_new_version_and_a_type_may_not_vanish() -> None:
    before = {"x": {"version": 1, "schema": SHAPE}, "y": {"version": 2, "schema": {}}}
    changed = mutated(BREACHES["a field is dropped"])
    y = {"y": before["y"]}
    assert undeclared(before, {"x": {"version": 1, "schema": changed}} | y) == ["x: $.count was dropped"]
    assert undeclared(before, {"x": {"version": 2, "schema": changed}} | y) == []
    assert undeclared(before, {"x": before["x"], "y": {"version": 1, "schema": {}}}) == ["y fell from version 2 to 1"]
    assert undeclared(before, y) == ["x is gone, and events of it may be in somebody's log"]
