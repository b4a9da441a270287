"""A route and a call: what the one route table holds, and what a handler is given.

Routing, validation, documents and authorisation all come from this table. Every name in a path is one that
`parameters` knows; a query and a body fit the models that the route names before its handler runs.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Generic, Literal, TypeVar, get_args
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from baton_contracts.definitions import Definitions
from baton_gateway.door import Door
from baton_gateway.freshness import Freshness
from baton_gateway.principal import Principal, Role
from baton_gateway.project_reading import ProjectReader
from baton_gateway.query import Query
from baton_gateway.sockets import Sockets
from baton_runtime.blobs import BlobStore
from baton_runtime.host import Host

_ROLES: Final = get_args(Role)
Body = TypeVar("Body", bound=BaseModel | None)
Q = TypeVar("Q", bound=Query)


@dataclass(frozen=True, slots=True)
class Gateway:
    """What every handler stands on."""

    host: Host
    blobs: BlobStore
    definitions: Definitions
    freshness: Freshness
    sockets: Sockets
    projects: ProjectReader
    door: Door


@dataclass(frozen=True, slots=True)
class Call(Generic[Body, Q]):
    """One request, checked: `parameters` are those of its path; `body` and `query` fit the route's models."""

    request: web.Request
    gateway: Gateway
    principal: Principal
    parameters: Mapping[str, str]
    body: Body
    query: Q

    def id(self, name: str) -> UUID:
        """Return a path parameter that is an id."""
        return UUID(self.parameters[name])


Handler = Callable[[Call[Any, Any]], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the route table.

    `status` is what success answers, `answer` the model of its body, or `media` its type where it is no JSON.
    `refusals` are the statuses of 4xx that its handler or the command's owner may answer; those that follow from the
    table itself (400, 405, 413, 415, 422, 503) are not named. `also` are further statuses that are no problem: 304
    where an answer has an ETag, any other with the same body. Where `body_required` is false, no body is the same as
    an empty object; a route of POST or DELETE without a `body` takes these two alone. A handler's docstring is its
    summary in the documents. What `spans_tenants` takes an admin without a tenant. Probes, which ask by an address, are
    answered under `any_host`.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    role: Role
    handle: Handler
    answer: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    status: int = 200
    query: type[Query] = Query
    refusals: tuple[int, ...] = ()
    media: str = "application/json"
    body_required: bool = True
    also: tuple[int, ...] = ()
    spans_tenants: bool = False
    any_host: bool = False

    def __post_init__(self) -> None:
        """Raise `ValueError` for a route that says of nobody that they may ask it."""
        if self.role not in _ROLES:
            raise ValueError(f"{self.method} {self.path} declares no role: name one of {', '.join(_ROLES)}")

    @property
    def opens_socket(self) -> bool:
        """Whether it ends in a WebSocket."""
        return self.status == HTTPStatus.SWITCHING_PROTOCOLS
