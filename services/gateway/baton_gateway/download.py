"""A bundle on its way to the client: a ZIP with a name, streamed so that memory stays flat."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import web

from baton_runtime.blobs import BlobsUnavailable

log = structlog.get_logger("baton.download")
_NAME_LENGTH: Final = 80


@dataclass(frozen=True, slots=True)
class Bundle:
    """The ZIP of a project: the project's name, the blob's sha256, its size in bytes."""

    name: str
    sha256: str
    size: int

    def disposition(self) -> str:
        """Return the Content-Disposition: an ASCII file name, and the full one after RFC 6266."""
        plain = re.sub(r"[^a-z0-9]+", "-", self.name.lower())[:_NAME_LENGTH].strip("-") or "project"
        full = re.sub(r"[\W_]+", "-", self.name.lower())[:_NAME_LENGTH].strip("-") or "project"
        return f"attachment; filename=\"{plain}.zip\"; filename*=UTF-8''{quote(full, safe='-')}.zip"


async def send(request: web.Request, bundle: Bundle, chunks: AsyncIterator[bytes]) -> web.StreamResponse:
    """Send a bundle; where the store fails midway the connection is cut, so that nobody takes a part for the whole."""
    response = web.StreamResponse(
        headers={
            "Content-Type": "application/zip",
            "Content-Length": str(bundle.size),
            "Content-Disposition": bundle.disposition(),
            "ETag": f'"{bundle.sha256}"',
        }
    )
    await response.prepare(request)
    try:
        async for chunk in chunks:
            await response.write(chunk)
        await response.write_eof()
    except BlobsUnavailable as error:
        log.warning("download_broke_off", sha256=bundle.sha256, reason=str(error))
        if request.transport:
            request.transport.abort()
    except ConnectionError:
        log.info("download_given_up", sha256=bundle.sha256)
    return response
