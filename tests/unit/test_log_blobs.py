"""What is too large for an event leaves it and comes back unchanged."""

import hashlib
import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_contracts.events import PAYLOADS, AgentMessage, Artifact, LlmCall, Payload, TaskComplete, TaskDispatched
from baton_contracts.handoffs import HandoffSchema
from baton_eventlog.append import MAX_PAYLOAD, MAX_WHOLE, DataRefused, NewEvent
from baton_eventlog.blobs import LISTED, BlobMissing, references, restored, split
from support.golden import samples

SAMPLES = samples()
keys = st.sampled_from(["$blob", "$blobs", "sha256", "path", "0", "ä", "text"])
content = st.dictionaries(
    keys,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=10,
    ),
)


def call(answer: dict[str, Any], provider: str = "p") -> LlmCall:
    sample = SAMPLES["llm_call"]
    assert isinstance(sample, LlmCall)
    return sample.model_copy(update={"answer": answer, "provider": provider})


def complete(made: dict[str, Any]) -> TaskComplete:
    artifact = Artifact(artifact_id=uuid4(), artifact_type="code", handoff_type="code_package", content=made)
    return TaskComplete(
        task_id=uuid4(), agent_type="coder", attempt=1, message="Done", awaits_review=False, artifact=artifact
    )


def read_back(event: NewEvent) -> dict[str, Any]:
    return restored(json.loads(event.json), {blob.sha256: json.loads(blob.json) for blob in event.blobs})


def test_what_fits_stays_as_it_is() -> None:
    for payload in SAMPLES.values():
        event = NewEvent.of(payload)
        assert (event.json, event.blobs) == (payload.model_dump_json(), ())
        assert LISTED not in json.loads(event.json)


def test_free_json_moves_whole_and_leaves_its_digest() -> None:
    """What the class itself names stays readable in the log."""
    made = {"files": [{"path": "a", "content": "x" * MAX_PAYLOAD}]}
    event = NewEvent.of(complete(made))
    (blob,) = event.blobs
    assert blob.sha256 == hashlib.sha256(blob.json.encode()).hexdigest()
    kept = json.loads(event.json)
    assert kept["artifact"]["content"] == {"$blob": blob.sha256}
    assert kept["artifact"]["handoff_type"] == "code_package"
    assert kept[LISTED] == [{"path": ["artifact", "content"], "sha256": blob.sha256, "size": len(blob.json)}]
    assert read_back(event)["artifact"]["content"] == made


def test_a_text_moves_too() -> None:
    event = NewEvent.of(AgentMessage(task_id=uuid4(), agent_type="coder", message="ä" * MAX_PAYLOAD))
    assert [one.path for one in references(json.loads(event.json))] == [("message",)]
    assert read_back(event)["message"] == "ä" * MAX_PAYLOAD


def test_the_largest_moves_first_and_no_more_than_needed() -> None:
    texts = ["a" * 10_000, "b" * 200_000, "c" * 100_000]
    handoff = HandoffSchema(
        project_id=uuid4(), source_agent="a", target_agent="b", handoff_type="c", content={"n": ["d" * 90_000]}
    )
    payload = TaskDispatched(
        task_id=uuid4(), agent_type="b", attempt=2, gate=False, feedback=tuple(texts), reason="why", handoff=handoff
    )
    event = NewEvent.of(payload)
    assert [one.path for one in references(json.loads(event.json))] == [("feedback", 1)]
    assert TaskDispatched.model_validate(read_back(event)) == payload


def test_equal_json_is_one_blob_whatever_the_order_of_its_keys() -> None:
    one, other = {"a": "x" * MAX_PAYLOAD, "b": [1, 2.5]}, {"b": [1, 2.5], "a": "x" * MAX_PAYLOAD}
    assert NewEvent.of(call(one)).blobs == NewEvent.of(complete(other)).blobs


def test_json_that_looks_like_a_reference_is_not_one() -> None:
    """Neither in an event that has blobs nor in one that has none."""
    forged: dict[str, Any] = {"$blob": "0" * 64, "$blobs": [{"sha256": "0" * 64, "path": ["answer"], "size": 1}]}
    assert read_back(NewEvent.of(call(forged))) == json.loads(call(forged).model_dump_json())
    large = call(forged, provider="x" * MAX_PAYLOAD)
    event = NewEvent.of(large)
    assert [one.path for one in references(json.loads(event.json))] == [("provider",)]
    assert LlmCall.model_validate(read_back(event)) == large
    both = call(forged | {"text": "y" * MAX_PAYLOAD})
    assert LlmCall.model_validate(read_back(NewEvent.of(both))) == both


@given(content, st.integers(0, 3000))
def test_whatever_moves_comes_back(made: dict[str, Any], padding: int) -> None:
    payload = call(made | {"padding": "x" * padding}, provider="p" * padding)
    kept, blobs = split(payload, payload.model_dump_json(), 600)
    event = NewEvent(payload, kept, blobs)
    assert read_back(event) == json.loads(payload.model_dump_json())


def test_an_integer_of_any_size_keeps_its_digits() -> None:
    event = NewEvent.of(call({"n": 2**200, "text": "x" * MAX_PAYLOAD}))
    assert read_back(event)["answer"]["n"] == 2**200


def test_a_missing_blob_is_named() -> None:
    event = NewEvent.of(call({"text": "x" * MAX_PAYLOAD}))
    with pytest.raises(BlobMissing, match=event.blobs[0].sha256):
        restored(json.loads(event.json), {})


def test_what_no_message_could_carry_is_refused() -> None:
    with pytest.raises(DataRefused, match="llm_call event is over 15 MiB"):
        NewEvent.of(call({"text": "x" * (16 << 20)}))
    assert NewEvent.of(call({"text": "x" * (MAX_WHOLE - 1000)})).blobs


def test_too_many_small_parts_are_refused() -> None:
    """They would hardly be smaller elsewhere."""
    payload = SAMPLES["task_dispatched"].model_copy(update={"feedback": ("x" * 500,) * 1000})
    with pytest.raises(DataRefused, match="even without its large parts"):
        NewEvent.of(payload)


def test_no_payload_class_has_a_field_that_could_be_taken_for_the_list() -> None:
    classes: list[type[Payload]] = [*PAYLOADS.values(), Payload]
    for payload in classes:
        assert payload.model_config.get("extra") == "ignore"
        assert not [name for name in payload.model_fields if name.startswith("$")]
        assert not [field.alias for field in payload.model_fields.values() if field.alias]
