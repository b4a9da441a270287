"""A document: JSON that is built once, when the gateway starts, and sent as it is from then on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """The bytes of a document, and the tag that stands for them."""

    body: bytes
    tag: str

    @classmethod
    def of(cls, content: Json) -> "Document":
        """Return a document of this content."""
        body = orjson.dumps(content)
        return cls(body, hashlib.sha256(body).hexdigest()[:32])

    def answer(self, request: web.Request) -> web.Response:
        """Answer with the document, or 304 where the client has it."""
        headers = {"ETag": f'"{self.tag}"', "Cache-Control": "no-cache"}
        if any(known.value in (self.tag, "*") for known in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(body=self.body, content_type="application/json", headers=headers)


DOCUMENTS: Final = web.AppKey("documents", Mapping[str, Document])
"""The application's documents by their names."""
