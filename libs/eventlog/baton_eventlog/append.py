"""What is asked of `append_batch`, and what it answers, as rows and columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from baton_contracts.events import Event, Payload
from baton_eventlog.blobs import Blob, split

MAX_EVENTS: Final = 100
MAX_BYTES: Final = 1 << 20
MAX_PAYLOAD: Final = 256 << 10
MAX_WHOLE: Final = 15 << 20
"""Bytes of an event with its blobs: what is routed must fit into one message of the bus, which ends at 16 MiB."""


class DataRefused(Exception):
    """PostgreSQL or the log's own limits refuse the data of this command; sending it again will not help."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is to be written; `json` is its encoded payload, which may name `blobs`."""

    payload: Payload
    json: str
    blobs: tuple[Blob, ...] = ()
    id: UUID = field(default_factory=uuid7)

    @classmethod
    def of(cls, payload: Payload) -> "NewEvent":
        """Encode a payload; what is over 256 KiB moves into blobs. Raises `DataRefused`: too large, or no JSON.

        What is no JSON: a lone surrogate in a text, nesting without end, an object that JSON has no form for.
        """
        name = payload.event_type
        try:
            encoded = payload.model_dump_json()
        except (ValueError, RecursionError) as error:  # pydantic's own errors are ValueErrors
            raise DataRefused(
                f"A {name} event cannot be written as JSON ({_first_line(error)}); correct its content"
            ) from error
        size = len(encoded.encode())
        if size <= MAX_PAYLOAD:
            return cls(payload, encoded)
        if size > MAX_WHOLE:
            raise DataRefused(f"A {name} event is over {MAX_WHOLE >> 20} MiB; make its content smaller")
        kept, blobs = split(payload, encoded, MAX_PAYLOAD)
        if len(kept.encode()) > MAX_PAYLOAD:
            raise DataRefused(
                f"A {name} event is over {MAX_PAYLOAD >> 10} KiB even without its large parts; make the others fewer"
            )
        return cls(payload, kept, blobs)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].removeprefix("Error serializing to JSON: ")


@dataclass(frozen=True, slots=True)
class Append:
    """One command's events for one stream.

    `message_id` deduplicates within `consumer`; without one the expected version alone guards. `expected` is the
    version that the decision saw (0: the stream must not exist; None: any). `reply` is JSON, kept for a repeat.
    """

    project_id: UUID
    consumer: str
    events: Sequence[NewEvent]
    expected: int | None
    actor: str
    message_id: UUID | None = None
    causation_id: UUID | None = None
    correlation_id: UUID | None = None
    request_hash: str = ""
    reply: str | None = None

    @property
    def size(self) -> int:
        """Its payloads in characters, near enough to bytes for a batch limit; blobs go before the batch."""
        return sum(len(event.json) for event in self.events)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one command ended; `position` and `version` are those of its last event (of then, for a duplicate)."""

    kind: Literal["ok", "duplicate", "conflict"]
    position: int
    version: int
    timestamp: datetime
    reply: str | None = None
    request_hash: str | None = None

    def events(self, command: Append) -> list[Event]:
        """Return the events as they now stand in the log."""
        first = len(command.events) - 1
        return [
            Event(
                id=event.id,
                project_id=command.project_id,
                timestamp=self.timestamp,
                position=self.position - first + n,
                version=self.version - first + n,
                actor=command.actor,
                causation_id=command.causation_id,
                correlation_id=command.correlation_id,
                payload=event.payload,
                size=len(event.json) + sum(len(blob.json) for blob in event.blobs),
            )
            for n, event in enumerate(command.events)
        ]


def blob_groups(batch: Sequence[Append]) -> list[list[Blob]]:
    """Return the distinct blobs of a batch in groups that one statement may carry, by digest."""
    blobs = {blob.sha256: blob for command in batch for event in command.events for blob in event.blobs}
    groups: list[list[Blob]] = []
    room = 0
    for digest in sorted(blobs):  # everybody in the same order, so that two who write the same never deadlock
        size = len(blobs[digest].json)
        if size > room:
            groups.append([])
            room = MAX_WHOLE
        groups[-1].append(blobs[digest])
        room -= size
    return groups


def arguments(batch: Sequence[Append]) -> list[list[Any]]:
    """Return the arrays that `append_batch` takes, in the order of its parameters."""
    streams = list({command.project_id: None for command in batch})
    index = {project_id: n for n, project_id in enumerate(streams, start=1)}
    rows = [
        (n, nth, event, command)
        for n, command in enumerate(batch, start=1)
        for nth, event in enumerate(command.events, start=1)
    ]
    return [
        streams,
        [index[command.project_id] for command in batch],
        [command.expected for command in batch],
        [len(command.events) for command in batch],
        [command.consumer for command in batch],
        [command.message_id for command in batch],
        [command.request_hash for command in batch],
        [command.reply for command in batch],
        [n for n, _, _, _ in rows],
        [nth for _, nth, _, _ in rows],
        [event.id for _, _, event, _ in rows],
        [event.payload.event_type for _, _, event, _ in rows],
        [event.json for _, _, event, _ in rows],
        [command.actor for _, _, _, command in rows],
        [command.causation_id for _, _, _, command in rows],
        [command.correlation_id for _, _, _, command in rows],
        [event.payload.schema_version for _, _, event, _ in rows],
    ]


def outcomes(row: asyncpg.Record) -> list[Outcome]:
    """Return what `append_batch` answers, an outcome a command; replies come only where there is a duplicate."""
    nothing = [None] * len(row["outcome"])
    columns = (row["outcome"], row["position"], row["version"], row["reply"] or nothing, row["request_hash"] or nothing)
    return [
        Outcome(kind, position, version, row["timestamp"], reply, request_hash)
        for kind, position, version, reply, request_hash in zip(*columns, strict=True)
    ]
