"""The lines of an exported log, read from a file and checked one by one before PostgreSQL sees them.

A header, then the events by position (so line n holds position n - 1), then blobs. No line is read further than 48
MiB. Whatever is wrong is raised as `BadLine` with the line's number.
"""

from datetime import datetime
from typing import Any, BinaryIO, Final, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_LINES: Final = 200
_CHUNK_BYTES: Final = 4 << 20
_LINE_BYTES: Final = 48 << 20  # a blob has 16 MiB at most, and escaping may double it
_DIGEST: Final = "^[0-9a-f]{64}$"
Model = TypeVar("Model", bound=BaseModel)


class BadLine(Exception):
    """A line of an exported log is not what was exported; nothing was imported."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"Line {number}: {reason}. Nothing was imported.")
        self.number = number


class Header(BaseModel):
    """The first line: what the file is, and where its log ends."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Literal["baton-log"] = "baton-log"
    format_version: Literal[1] = 1
    epoch: UUID
    position: int = Field(ge=0)
    hash: str = Field(pattern="^([0-9a-f]{2})+$")


class Line(BaseModel):
    """One event; PostgreSQL reads the line itself, this only tells what is wrong with it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    position: int = Field(ge=1)
    version: int = Field(ge=1)
    id: UUID
    project_id: UUID
    event_type: str
    timestamp: datetime
    actor: str
    causation_id: UUID | None
    correlation_id: UUID | None
    schema_version: int
    payload: dict[str, Any]
    hash: str = Field(pattern=_DIGEST)


class BlobLine(BaseModel):
    """One blob: its content is the text that has this digest."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    sha256: str = Field(pattern=_DIGEST)
    content: str


def read_header(file: BinaryIO) -> Header:
    """Read the first line. Raises `BadLine`."""
    return _parse(Header, _read(file, 1), 1, "this is no log that Baton exported")


def read_events(file: BinaryIO, after: int, last: int) -> list[str]:
    """Read the lines of the next events up to `last`, 200 and about 4 MiB at most; none at the end of the file.

    Raises `BadLine` for one that does not hold the event of its position.
    """
    lines: list[str] = []
    size = 0
    while len(lines) < min(_LINES, last - after) and size < _CHUNK_BYTES:
        position = after + len(lines) + 1
        text = _read(file, position + 1)
        if not text:
            break
        found = _parse(Line, text, position + 1, "it holds no event").position
        if found != position:
            raise BadLine(position + 1, f"position {position} was expected, and {found} is there")
        lines.append(text.decode())
        size += len(text)
    return lines


def read_blob(file: BinaryIO, number: int) -> BlobLine | None:
    """Read the line of a blob; None at the end of the file. Raises `BadLine`."""
    text = _read(file, number)
    return _parse(BlobLine, text, number, "it holds no blob") if text else None


def _read(file: BinaryIO, number: int) -> bytes:
    text = file.readline(_LINE_BYTES + 1)
    if len(text) > _LINE_BYTES:
        raise BadLine(number, f"it is longer than {_LINE_BYTES >> 20} MiB")
    return text


def _parse(model: type[Model], text: bytes, number: int, otherwise: str) -> Model:
    try:
        return model.model_validate_json(text.decode())
    except UnicodeDecodeError as error:
        raise BadLine(number, f"{otherwise} (it is not UTF-8)") from error
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"{step}: " for step in fault["loc"])
        raise BadLine(number, f"{otherwise} ({where}{fault['msg']})") from error
