"""Who may do what: every route and `/ws`, by every kind of principal, on what is theirs, another's, absent or no id.

The cells come from the route table; what is expected of them from the two tables below.
"""

import contextlib
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web

from baton_gateway.parameters import IDS
from baton_gateway.principal import ROLES
from baton_gateway.route import Route
from baton_gateway.routes import ROUTES
from support.api import IDEA, asked, created, finished
from support.keys import bearing, expire, make_key, revoke
from support.oidc import AUDIENCE, Issuer
from support.stage import Stage, stage

Whose = Literal["-", "ours", "theirs", "absent", "malformed"]
IN: Final = frozenset({101, 200, 201, 202, 304, 409})
"""What is answered to whoever is let in: done, or (409) not possible now."""

PRINCIPALS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    # the tenant, and the roles that a route may ask for
    "none": ("", ("public",)),
    "expired key": ("", ("public",)),
    "expired token": ("", ("public",)),
    "token with a bad signature": ("", ("public",)),
    "key with another secret": ("", ("public",)),
    "revoked key": ("", ("public",)),
    "other tenant's admin": ("theirs", ("public", "viewer", "operator", "admin")),
    "viewer": ("ours", ("public", "viewer")),
    "operator": ("ours", ("public", "viewer", "operator")),
    "admin": ("ours", ("public", "viewer", "operator", "admin")),
    "token of an operator": ("ours", ("public", "viewer", "operator")),
    "admin without a tenant": ("*", ("public", "viewer", "operator", "admin", "spanning")),
}


def expected(principal: str, route: Route, whose: Whose) -> frozenset[int]:
    """Return the statuses that a cell may answer."""
    tenant, roles = PRINCIPALS[principal]
    if route.role != "public" and not tenant:
        return frozenset({401})
    if route.role not in roles or (route.spans_tenants and "spanning" not in roles):
        return frozenset({403})
    if whose == "malformed":
        return frozenset({422})
    if whose == "absent" or (whose in {"ours", "theirs"} and tenant not in {whose, "*"}):
        return frozenset({404})
    return IN.union(route.also)


@dataclass(frozen=True, slots=True)
class Things:
    """One tenant's project that is finished, and one that asks a person."""

    project_id: str
    task_id: str
    execution_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A request of the matrix."""

    principal: str
    route: Route
    whose: Whose
    path: str
    body: object = None


SLUGS: Final = {
    "agent_type": "analyst",
    "workflow_id": "idea-to-software",
    "team_id": "team-full-stack",
    "template_id": "software-specification",
}
BODIES: Final[Mapping[str, object]] = {
    "NewProject": {"product_idea": IDEA},
    "HitlAnswer": {"action": "approve"},
    "Age": {"max_age_hours": 9999},
    "RenderRequest": {"variables": {}, "output_format": "markdown"},
    "TeamCheck": {"workflow_id": "idea-to-software"},
    "Cancellation": {"reason": "enough"},
}
ABSENT: Final = Things(*(str(uuid4()) for _ in range(4)))
MALFORMED: Final = Things(*["no-id"] * 4)


def cells(of: Mapping[Whose, Things], slugs: Mapping[str, str]) -> list[Cell]:
    """Return the whole matrix; what reads comes before what changes, and what removes comes last."""
    order = {"GET": 0, "POST": 1, "DELETE": 2}
    rows = [row for route in sorted(ROUTES, key=lambda route: order[route.method]) for row in _rows(route, of, slugs)]
    return [Cell(principal, *row) for row in rows for principal in PRINCIPALS]


def _rows(
    route: Route, of: Mapping[Whose, Things], slugs: Mapping[str, str]
) -> Iterator[tuple[Route, Whose, str, object]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    kind = route.body.__name__ if route.body else ""
    executes = kind == "NewExecution"
    if IDS.isdisjoint(names) and not executes:
        yield route, "-", route.path.format(**slugs), BODIES.get(kind)
        yield from ((route, whose, route.path.format(**bad), BODIES.get(kind)) for whose, bad in _bad_slugs(names))
        if route.path == "/ws":
            yield from ((route, whose, f"/ws?project_id={one.project_id}", None) for whose, one in of.items())
        return
    for whose, things in of.items():
        path = route.path.format(**slugs, **dataclasses.asdict(things))
        body = {"project_id": things.project_id, "context": {}, "parameters": {}} if executes else BODIES.get(kind)
        yield route, whose, path, body


def _bad_slugs(names: list[str]) -> Iterator[tuple[Whose, Mapping[str, str]]]:
    if names:
        yield "absent", dict.fromkeys(names, "nobody")
        yield "malformed", dict.fromkeys(names, "No-Slug")


async def things_of(api: Stage) -> Things:
    """Make what a tenant has."""
    project_id = await finished(api)
    request = await asked(api, await created(api))
    task_id = (await api.get(f"/api/v1/projects/{project_id}/tasks"))["tasks"][0]["id"]
    execution = "SELECT id FROM workflow_executions WHERE project_id = $1"
    execution_id = await api.host.pool.fetchval(execution, UUID(project_id))
    await api.post(f"/api/v1/artifacts/{project_id}/generate")
    return Things(project_id, task_id, str(execution_id), str(request.request_id))


@contextlib.asynccontextmanager
async def as_principal(api: Stage, bearer: str) -> AsyncIterator[Stage]:
    """Give the stage with a client that sends this."""
    headers = bearing(bearer) if bearer else {}
    async with aiohttp.ClientSession(api.url, headers=headers, timeout=aiohttp.ClientTimeout(20)) as client:
        yield dataclasses.replace(api, client=client)


@pytest.fixture
async def guarded(database: str, tmp_path: Path, issuer: Issuer) -> AsyncIterator[Stage]:
    """Give a gateway that asks for keys and tokens."""
    provider: dict[str, Any] = {"oidc_issuer": issuer.url, "oidc_audience": AUDIENCE, "oidc_tenant_claim": "tenant"}
    async with stage(database, tmp_path, auth="on", **provider) as open_stage:
        yield open_stage


async def bearers(api: Stage, issuer: Issuer) -> dict[str, str]:
    """Make a credential of every kind."""
    pool = api.host.pool
    ours: dict[str, str] = {role: await make_key(pool, role, "ours") for role in ROLES}
    expired, revoked = [await make_key(pool, "admin", None) for _ in range(2)]
    await expire(pool, expired)
    await revoke(pool, revoked)
    signed = issuer.token(tenant="ours")
    return {
        "none": "",
        "expired key": expired,
        "expired token": issuer.token(tenant="ours", exp=1),
        "token with a bad signature": signed[:-6] + ("AAAAAA" if signed[-6:] != "AAAAAA" else "BBBBBB"),
        "key with another secret": "_".join([*ours["admin"].split("_")[:2], expired.split("_", 2)[2]]),
        "revoked key": revoked,
        "other tenant's admin": await make_key(pool, "admin", "theirs"),
        **ours,
        "token of an operator": signed,
        "admin without a tenant": await make_key(pool, "admin", None),
    }


async def answer(api: Stage, cell: Cell) -> int:
    """Send a cell's request; give the status, of a socket that of its handshake."""
    if not cell.route.opens_socket:
        async with api.client.request(cell.route.method, cell.path, json=cell.body) as response:
            await response.read()
            return response.status
    try:
        async with api.client.ws_connect(cell.path) as socket:
            await socket.close()
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


async def test_every_principal_gets_from_every_route_what_the_table_says(
    guarded: Stage, issuer: Issuer, record_property: Callable[[str, object], None]
) -> None:
    given = await bearers(guarded, issuer)
    assert given.keys() == PRINCIPALS.keys()
    assert guarded.service.gateway
    slugs = SLUGS | {
        "team_id": next(iter(guarded.service.gateway.definitions.teams)),
        "template_id": next(iter(guarded.service.gateway.definitions.templates)),
    }
    async with contextlib.AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(as_principal(guarded, text)) for name, text in given.items()}
        of: dict[Whose, Things] = {
            "ours": await things_of(clients["operator"]),
            "theirs": await things_of(clients["other tenant's admin"]),
            "absent": ABSENT,
            "malformed": MALFORMED,
        }
        matrix = cells(of, slugs)
        wrong = [
            f"{cell.principal}: {cell.route.method} {cell.path} ({cell.whose}): {found}"
            for cell in matrix
            if (found := await answer(clients[cell.principal], cell))
            not in expected(cell.principal, cell.route, cell.whose)
        ]
    record_property("cells of the authorisation matrix", len(matrix))
    assert {(cell.route.method, cell.route.path) for cell in matrix} == {(one.method, one.path) for one in ROUTES}
    assert Counter(cell.principal for cell in matrix).most_common(1)[0][1] * len(PRINCIPALS) == len(matrix) >= 812
    assert not wrong, "\n".join(wrong)


async def test_a_subscription_is_held_to_the_same_table(
    guarded: Stage, issuer: Issuer, record_property: Callable[[str, object], None]
) -> None:
    given = await bearers(guarded, issuer)
    async with (
        as_principal(guarded, given["operator"]) as ours,
        as_principal(guarded, given["other tenant's admin"]) as theirs,
    ):
        of = {"ours": await created(ours), "theirs": await created(theirs), "absent": str(uuid4()), "malformed": "x"}
    wrong, count = [], 0
    for name in (name for name, (tenant, _) in PRINCIPALS.items() if tenant):
        async with as_principal(guarded, given[name]) as client, client.client.ws_connect("/ws") as socket:
            await socket.send_json({"type": "unsubscribe"})
            for whose, project_id in of.items():
                await socket.send_json({"type": "subscribe", "project_id": project_id})
                heard = await _reply(socket)
                count += 1
                if (heard["type"] == "subscribed") != (whose == PRINCIPALS[name][0] or _spans(name, whose)):
                    wrong.append(f"{name} subscribes to {whose}: {heard}")
                elif whose == "theirs" and heard["type"] == "error":
                    assert heard["detail"].replace(project_id, "") == "there is no project "
    record_property("cells of the subscriptions' matrix", count)
    assert not wrong, "\n".join(wrong)


def _spans(name: str, whose: str) -> bool:
    return PRINCIPALS[name][0] == "*" and whose in {"ours", "theirs"}


async def _reply(socket: aiohttp.ClientWebSocketResponse) -> dict[str, str]:
    """Give the next answer to a subscription, past frames and the answer to the unsubscription."""
    while True:
        frame: dict[str, str] = await socket.receive_json(timeout=10)
        if frame.get("type") in {"subscribed", "error"}:
            return frame


@pytest.mark.parametrize("role", [None, "", "owner", "Admin"])
def test_a_route_without_a_declared_role_fails_at_start(role: str | None) -> None:
    async def handle(_: object) -> web.Response:
        return web.Response()

    with pytest.raises(ValueError, match="declares no role"):
        Route("GET", "/x", role, handle)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Route("GET", "/x", handle=handle)  # type: ignore[call-arg]
