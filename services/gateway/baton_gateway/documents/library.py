"""All documents of a gateway, built from its tables."""

from collections.abc import Mapping, Sequence

from baton_gateway.documents.asyncapi import asyncapi
from baton_gateway.documents.document import Document
from baton_gateway.documents.openapi import openapi
from baton_gateway.route import Route


def documents_of(routes: Sequence[Route], agents: Sequence[str], *, guarded: bool) -> Mapping[str, Document]:
    """Return the documents by their names, of a gateway that is `guarded` or not; `agents` are those of definitions."""
    return {"openapi": Document.of(openapi(routes, guarded=guarded)), "asyncapi": Document.of(asyncapi(routes, agents))}
