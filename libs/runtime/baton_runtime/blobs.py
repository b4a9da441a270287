"""Blobs: content under its own sha256, in a local directory or an object store.

Invariants: a key names exactly one content, so writing twice changes nothing; a blob is seen whole or not at all,
because it is written under a name of its own and renamed when it is complete; once `put` has returned, it outlives
a power failure. A writer that dies leaves what it wrote under `incoming/`, which nobody reads.
"""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from baton_runtime.settings import UnfitSettings

if TYPE_CHECKING:
    from obstore import GetResult, WritableFile

_CHUNK: Final = 256 << 10
_FAILURES: Final = (BaseError, OSError)
P = ParamSpec("P")
T = TypeVar("T")


class BlobMissing(Exception):
    """No blob has this hash: it was never written, or was cleaned up. Generate the bundle again."""


class BlobsUnavailable(Exception):
    """The object store did not do what it was asked; nothing is lost, try again later."""


class BlobStore:
    """The blobs of one deployment, at a URL (`file:`, `s3:`, `gs:`, `az:`, `memory:`); `UnfitSettings` if unusable."""

    def __init__(self, url: str) -> None:
        self._store = _open(url)

    async def put(self, data: AsyncIterable[bytes] | bytes) -> tuple[str, int]:
        """Keep this content; return its sha256 in hex and its size in bytes.

        A stream's memory stays flat whatever its size. Raises `BlobsUnavailable`; what the stream itself raises goes
        through as it is.
        """
        if isinstance(data, bytes):
            return await self._put_whole(data)
        digest, size, incoming = hashlib.sha256(), 0, f"incoming/{uuid4()}"
        writer = obstore.open_writer(self._store, incoming)
        try:
            async for chunk in data:
                digest.update(chunk)
                size += len(chunk)
                await _ask(writer.write, chunk)
            await _ask(writer.close)
            await _ask(obstore.rename, self._store, incoming, _key(digest.hexdigest()))
            await self._persist(_key(digest.hexdigest()))
        except BaseException:
            await asyncio.shield(asyncio.to_thread(self._discard, writer, incoming))
            raise
        return digest.hexdigest(), size

    def _discard(self, writer: "WritableFile", incoming: str) -> None:
        """Remove what was written of a blob that will not be complete."""
        with contextlib.suppress(*_FAILURES):
            if not writer.closed():
                writer.close()  # only a closed one can be deleted
            obstore.delete(self._store, incoming)

    async def _put_whole(self, data: bytes) -> tuple[str, int]:
        sha256 = hashlib.sha256(data).hexdigest()
        await _ask(obstore.put, self._store, _key(sha256), data)
        await self._persist(_key(sha256))
        return sha256, len(data)

    async def stream(self, sha256: str) -> AsyncIterator[bytes]:
        """Open a blob and return its chunks. Raises `BlobMissing` (before the first chunk), `BlobsUnavailable`."""
        try:
            found = await _ask(obstore.get, self._store, _key(sha256))
        except FileNotFoundError as error:
            raise BlobMissing(f"There is no blob {sha256} in the object store; generate the bundle again") from error
        return _chunks(found)

    async def delete(self, sha256: str) -> None:
        """Remove a blob; one that is not there is no error. Raises `BlobsUnavailable`."""
        with contextlib.suppress(FileNotFoundError):
            await _ask(obstore.delete, self._store, _key(sha256))

    async def _persist(self, key: str) -> None:
        """See to it that what was written outlives a power failure; an object store answers only when it does."""
        if isinstance(self._store, LocalStore) and self._store.prefix is not None:
            await _ask(_sync, Path(self._store.prefix), key)


async def _ask(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make a blocking call of the store in a thread. Raises `BlobsUnavailable`, or `FileNotFoundError`.

    The store's own asyncio calls are not used: a process that exits just as one of them ends is aborted.
    """
    try:
        return await asyncio.to_thread(call, *args, **kwargs)
    except FileNotFoundError:
        raise
    except _FAILURES as error:
        raise BlobsUnavailable(
            f"The object store failed ({type(error).__name__}); check BATON_STORE_URL and try again"
        ) from error


async def _chunks(found: "GetResult") -> AsyncIterator[bytes]:
    stream = found.stream(min_chunk_size=_CHUNK)
    while chunk := await _ask(next, stream, None):
        yield bytes(chunk)


def _open(url: str) -> ObjectStore:
    try:
        return LocalStore.from_url(url, mkdir=True) if url.startswith("file:") else from_url(url)
    except (*_FAILURES, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise UnfitSettings(
            f"Bundles cannot be kept at {url} ({reason}). Correct BATON_STORE_URL, or BATON_DATA_DIR without it."
        ) from error


def _sync(root: Path, key: str) -> None:
    """Flush a file, and the directories that name it."""
    for path in (root / key, (root / key).parent, root):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"
