"""Blobs in a local directory: whole or not at all, under their own hash."""

import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from baton_runtime.blobs import BlobMissing, BlobStore, BlobsUnavailable
from baton_runtime.settings import UnfitSettings

CHUNK = b"x" * 100_000
LAST_WORDS = """
import asyncio, sys
from baton_runtime.blobs import BlobStore
from baton_runtime.settings import UnfitSettings

async def main() -> None:
    store = BlobStore(sys.argv[1])
    sha256, _ = await store.put(b"x" * 2_000_000)
    async for _ in await store.stream(sha256):
        pass

asyncio.run(main())
"""


async def chunks(count: int, failure: Exception | None = None) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield CHUNK
    if failure:
        raise failure


def files(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


@pytest.mark.parametrize("count", [0, 1, 300])
async def test_a_stream_and_its_bytes_are_the_same_blob_and_come_back_as_they_were(tmp_path: Path, count: int) -> None:
    directory = tmp_path / "not there" / "yet"
    store = BlobStore(directory.as_uri())
    whole = CHUNK * count
    sha256 = hashlib.sha256(whole).hexdigest()
    assert await store.put(chunks(count)) == (sha256, len(whole))
    assert await store.put(whole) == (sha256, len(whole))
    assert b"".join([chunk async for chunk in await store.stream(sha256)]) == whole
    assert files(directory) == [f"{sha256[:2]}/{sha256}"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_blob_is_on_the_disk_when_put_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, streamed: bool
) -> None:
    """The file itself under its last name, and the directories that lead to it."""
    flushed, fsync = set[str](), os.fsync

    def note(descriptor: int) -> None:
        flushed.add(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    sha256, _ = await BlobStore((tmp_path / "a store").as_uri()).put(chunks(2) if streamed else CHUNK)
    root = tmp_path / "a store"
    assert flushed == {str(root), str(root / sha256[:2]), str(root / sha256[:2] / sha256)}


@pytest.mark.parametrize("count", [1, 300])
async def test_a_stream_that_breaks_off_leaves_nothing_and_raises_what_it_raised(tmp_path: Path, count: int) -> None:
    store = BlobStore(tmp_path.as_uri())
    with pytest.raises(ValueError, match="broke off"):
        await store.put(chunks(count, ValueError("broke off")))
    assert files(tmp_path) == []


async def test_a_blob_that_is_not_there_is_told_before_the_first_chunk(tmp_path: Path) -> None:
    with pytest.raises(BlobMissing, match="generate the bundle again"):
        await BlobStore(tmp_path.as_uri()).stream("0" * 64)


async def test_a_store_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    store = BlobStore((tmp_path / "store").as_uri())
    (tmp_path / "store").rmdir()
    (tmp_path / "store").write_text("a file where the directory was")
    for data in (b"x", chunks(2)):
        with pytest.raises(BlobsUnavailable):
            await store.put(data)


def test_a_process_may_end_right_after_a_call(tmp_path: Path) -> None:
    for _ in range(5):
        subprocess.run([sys.executable, "-c", LAST_WORDS, tmp_path.as_uri()], check=True, timeout=60)


@pytest.mark.parametrize("url", ["file:///dev/null/blobs", "s3:", "nonsense"])
def test_a_url_that_leads_nowhere_is_told_by_its_variable(url: str) -> None:
    """In one line."""
    with pytest.raises(UnfitSettings, match="BATON_STORE_URL") as raised:
        BlobStore(url)
    assert "\n" not in str(raised.value)


async def test_a_blob_that_was_removed_is_not_there_and_removing_it_again_is_no_error(tmp_path: Path) -> None:
    store = BlobStore(tmp_path.as_uri())
    sha256, _ = await store.put(CHUNK)
    await store.delete(sha256)
    assert files(tmp_path) == []
    await store.delete(sha256)
    with pytest.raises(BlobMissing):
        await store.stream(sha256)


async def test_a_store_that_cannot_delete_is_unavailable(tmp_path: Path) -> None:
    store = BlobStore(tmp_path.as_uri())
    (tmp_path / "00" / ("0" * 64)).mkdir(parents=True)
    with pytest.raises(BlobsUnavailable):
        await store.delete("0" * 64)
