"""A route and a call: what the one route table holds, and what a handler is given.

A path parameter is checked by its name before the handler runs: one ending in `_id` is a UUID in canonical form,
every other one a slug.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from baton_gateway.freshness import Freshness
from baton_gateway.principal import Principal
from baton_gateway.sockets import Sockets
from baton_runtime.blobs import BlobStore
from baton_runtime.host import Host

Role = Literal["public", "viewer", "operator", "admin"]
Body = TypeVar("Body", bound=BaseModel | None)


@dataclass(frozen=True, slots=True)
class Gateway:
    """What every handler stands on."""

    host: Host
    blobs: BlobStore
    agents: tuple[str, ...]  # the agent types that the definitions name
    freshness: Freshness
    sockets: Sockets


@dataclass(frozen=True, slots=True)
class Call(Generic[Body]):
    """One request, checked: `parameters` are those of its path, `body` fits the route's model."""

    request: web.Request
    gateway: Gateway
    principal: Principal
    parameters: Mapping[str, str]
    body: Body

    def id(self, name: str) -> UUID:
        """Return a path parameter that is an id."""
        return UUID(self.parameters[name])


Handler = Callable[[Call[Any]], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the route table; `status` is what success answers, `answer` the model of its body."""

    method: Literal["GET", "POST"]
    path: str
    role: Role
    handle: Handler
    answer: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    status: int = 200
