"""A ZIP as a stream: the same files give the same bytes, and no more than a chunk is held at once."""

import asyncio
import io
import stat
from collections.abc import AsyncIterator, Iterable
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from baton_artifacts.manifest import BundleFile

_CHUNK: Final = 64 << 10
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP can say
_UNIX: Final = 3


class _Sink(io.RawIOBase):
    """What was written and not yet taken; it cannot seek, so sizes follow the data."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        return taken


async def zip_stream(files: Iterable[BundleFile]) -> AsyncIterator[bytes]:
    """Yield the ZIP of these files, in their order, in pieces of about 64 KiB or less."""
    sink = _Sink()
    with ZipFile(sink, "w") as archive:
        for file in files:
            with archive.open(_entry(file), "w") as entry:
                for start in range(0, len(file.data), _CHUNK):
                    entry.write(file.data[start : start + _CHUNK])
                    yield sink.take()
                    await asyncio.sleep(0)  # deflating a large bundle must not hold up everybody else
    yield sink.take()


def _entry(file: BundleFile) -> ZipInfo:
    entry = ZipInfo(file.path, _EPOCH)
    entry.compress_type = ZIP_DEFLATED
    entry.create_system = _UNIX
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.file_size = len(file.data)
    return entry
