"""Blobs: content under its own sha256, in a local directory or an object store.

Invariants: a key names exactly one content, so writing twice changes nothing; a blob is seen whole or not at all,
because it is written under a name of its own and renamed when it is complete. A writer that dies leaves what it
wrote under `incoming/`, which nobody reads.
"""

import contextlib
import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

if TYPE_CHECKING:
    from obstore import GetResult

_CHUNK: Final = 256 << 10


class BlobMissing(Exception):
    """No blob has this hash: it was never written, or was cleaned up. Generate the bundle again."""


class BlobsUnavailable(Exception):
    """The object store did not do what it was asked; nothing is lost, try again later."""


class BlobStore:
    """The blobs of one deployment, at a URL (`file:`, `s3:`, `gs:`, `az:`, `memory:`)."""

    def __init__(self, url: str) -> None:
        self._store = _open(url)

    async def put(self, data: AsyncIterable[bytes] | bytes) -> tuple[str, int]:
        """Keep this content; return its sha256 in hex and its size in bytes.

        A stream's memory stays flat whatever its size. Raises `BlobsUnavailable`; what the stream itself raises goes
        through as it is.
        """
        if isinstance(data, bytes):
            return await self._put_whole(data)
        meter = _Meter(data)
        incoming = f"incoming/{uuid4()}"
        try:
            await obstore.put_async(self._store, incoming, meter)
            await obstore.rename_async(self._store, incoming, _key(meter.sha256()))
        except BaseError as error:
            with contextlib.suppress(BaseError):
                await obstore.delete_async(self._store, incoming)
            raise _unavailable(error) from error
        return meter.sha256(), meter.size

    async def _put_whole(self, data: bytes) -> tuple[str, int]:
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            await obstore.put_async(self._store, _key(sha256), data)
        except BaseError as error:
            raise _unavailable(error) from error
        return sha256, len(data)

    async def stream(self, sha256: str) -> AsyncIterator[bytes]:
        """Open a blob and return its chunks. Raises `BlobMissing` (before the first chunk), `BlobsUnavailable`."""
        try:
            found = await obstore.get_async(self._store, _key(sha256))
        except FileNotFoundError as error:
            raise BlobMissing(f"There is no blob {sha256} in the object store; generate the bundle again") from error
        except BaseError as error:
            raise _unavailable(error) from error
        return _chunks(found)

    async def exists(self, sha256: str) -> bool:
        """Tell whether a blob is there. Raises `BlobsUnavailable`."""
        try:
            await obstore.head_async(self._store, _key(sha256))
        except FileNotFoundError:
            return False
        except BaseError as error:
            raise _unavailable(error) from error
        return True


class _Meter:
    """Counts and hashes what passes through."""

    def __init__(self, source: AsyncIterable[bytes]) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self.size = 0

    def sha256(self) -> str:
        return self._hash.hexdigest()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._source:
            self._hash.update(chunk)
            self.size += len(chunk)
            yield chunk


async def _chunks(found: "GetResult") -> AsyncIterator[bytes]:
    try:
        async for chunk in found.stream(min_chunk_size=_CHUNK):
            yield bytes(chunk)
    except BaseError as error:
        raise _unavailable(error) from error


def _open(url: str) -> ObjectStore:
    if url.startswith("file:"):
        return LocalStore.from_url(url, mkdir=True)
    return from_url(url)


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


def _unavailable(error: BaseError) -> BlobsUnavailable:
    return BlobsUnavailable(f"The object store failed ({type(error).__name__}); check BATON_STORE_URL and try again")
