"""Events travel in the shape that their header names, so that services of two releases understand each other."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from baton_contracts.events import Event, Payload, TaskComplete
from baton_eventlog.append import MAX_WHOLE, NewEvent
from baton_runtime.bus import Message
from baton_runtime.bus.limits import MAX_BODY_BYTES
from baton_runtime.messages import MalformedMessage, event_message, inbound_of
from support.golden import PROJECT, samples

SAMPLES = samples()
HANDOFFS = {"task_created", "task_dispatched"}  # their body is the handoff


@dataclass(frozen=True)
class Delivered:
    """A message as a bus hands it out; nobody settles it here."""

    message: Message
    redelivered: bool = False

    def ack(self) -> None: ...

    def reject(self, reason: str) -> None: ...

    def reply(self, body: bytes) -> None: ...


def event(payload: Payload) -> Event:
    return Event(UUID(int=1), PROJECT, datetime(2026, 1, 1, tzinfo=UTC), 5, 2, "a", None, UUID(int=3), payload)


def message_of(event_type: str, body: bytes, **headers: int) -> Message:
    return Message(UUID(int=1), event_type, body, {"project_id": str(PROJECT), **headers})


@pytest.mark.parametrize("event_type", sorted(SAMPLES.keys() - HANDOFFS))
def test_an_event_arrives_as_it_was_sent(event_type: str) -> None:
    message = event_message(event(SAMPLES[event_type]))
    assert message.headers["schema_version"] == 1
    assert inbound_of(Delivered(message)).what == SAMPLES[event_type]


def test_an_event_in_an_older_shape_arrives_as_todays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a header it is in the first."""

    def step(content: dict[str, Any]) -> dict[str, Any]:
        return {"reason": content["why"]}

    monkeypatch.setattr("baton_contracts.upcasters.UPCASTERS", {("project_failed", 1): step})
    found = inbound_of(Delivered(message_of("project_failed", b'{"why": "rain"}'))).what
    assert found == SAMPLES["project_failed"].model_copy(update={"reason": "rain"})


def test_an_event_in_a_newer_shape_arrives_as_far_as_it_fits() -> None:
    body = b'{"reason": "rain", "litres": 1}'
    found = inbound_of(Delivered(message_of("project_failed", body, schema_version=9))).what
    assert found == SAMPLES["project_failed"].model_copy(update={"reason": "rain"})


@pytest.mark.parametrize(
    "message",
    [
        message_of("project_failed", b'{"litres": 1}', schema_version=9),
        message_of("project_failed", b'{"litres": 1}', schema_version=1),
        message_of("rained", b"{}"),
        message_of("project_failed", b"{"),
        message_of("project_failed", b"[]"),
        message_of("project_failed", b"null"),
    ],
    ids=["only a newer one understands it", "it does not fit", "unknown", "not JSON", "a list", "nothing"],
)
def test_what_nobody_here_understands_is_given_back(message: Message) -> None:
    with pytest.raises(MalformedMessage):
        inbound_of(Delivered(message))


def test_the_largest_event_that_the_log_takes_fits_into_a_message() -> None:
    """Else its project would stand still: nobody would be told."""
    done = SAMPLES["task_complete"]
    assert isinstance(done, TaskComplete)
    artifact = done.artifact.model_copy(update={"content": {"text": "x" * (MAX_WHOLE - 1000)}})
    largest = done.model_copy(update={"artifact": artifact})
    assert NewEvent.of(largest).blobs
    assert len(event_message(event(largest)).body) < MAX_BODY_BYTES
    assert MAX_WHOLE + 2000 < MAX_BODY_BYTES
