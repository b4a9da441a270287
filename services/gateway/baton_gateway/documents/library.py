"""All documents of a gateway, built from its tables."""

from collections.abc import Mapping, Sequence

from baton_gateway.documents.asyncapi import asyncapi
from baton_gateway.documents.document import Document
from baton_gateway.documents.openapi import openapi
from baton_gateway.route import Route


def documents_of(routes: Sequence[Route], agents: Sequence[str]) -> Mapping[str, Document]:
    """Return the documents by their names; `agents` are the types that the definitions name."""
    return {"openapi": Document.of(openapi(routes)), "asyncapi": Document.of(asyncapi(routes, agents))}
