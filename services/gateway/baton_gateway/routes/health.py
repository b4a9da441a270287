"""Health: whether the parts can do their work, asked of each with a deadline."""

import asyncio
from typing import Final, Literal

import asyncpg
from aiohttp import web

from baton_contracts.rest import Condition, HealthView
from baton_eventlog.database import UNAVAILABLE
from baton_eventlog.sql import QUERIES
from baton_gateway.query import Query
from baton_gateway.reading import READS, fetch_value
from baton_gateway.route import Call, Route
from baton_runtime.host import Host

_DEADLINE: Final = 2.0


async def healthz(call: Call[None, Query]) -> web.Response:
    """Answer 200 when database, bus and workers are ok, 503 otherwise; the body tells which is not.

    A model whose last call failed is `degraded` and leaves it at 200: everything but new answers is served, tasks try
    again, and a gateway that is taken out of service for it would help nobody.
    """
    host = call.gateway.host
    database, workers, model = await asyncio.gather(_database(host), _workers(host), _model(host))
    auth: Literal["on", "off"] = "on" if call.gateway.door.guarded else "off"
    health = HealthView(api_status="ok", db_status=database, celery_status=workers, llm_status=model, auth=auth)
    well = database == workers == "ok"
    body = health.model_dump_json().encode()
    return web.Response(body=body, status=200 if well else 503, content_type="application/json")


async def _database(host: Host) -> Condition:
    """Ask whether PostgreSQL would take a write."""
    try:
        writable = await fetch_value(host.pool, READS["writable"], timeout=_DEADLINE)
    except (asyncpg.PostgresError, *UNAVAILABLE):
        return "unavailable"
    return "ok" if writable else "unavailable"


async def _workers(host: Host) -> Condition:
    """Ask whether the bus is there (else unavailable) and at least one runner alive (else degraded)."""
    if not host.bus.healthy():
        return "unavailable"
    try:
        alive = await fetch_value(host.pool, QUERIES["runners_alive"], timeout=_DEADLINE)
    except (asyncpg.PostgresError, *UNAVAILABLE):
        return "unavailable"
    return "ok" if alive else "degraded"


async def _model(host: Host) -> Condition:
    """Ask how the last call of a model ended; before any, and where the embedded one is used, all is well."""
    try:
        known: Condition | None = await fetch_value(host.pool, READS["llm_status"], timeout=_DEADLINE)
    except (asyncpg.PostgresError, *UNAVAILABLE):
        return "unavailable"
    return known or "ok"


async def livez(_: Call[None, Query]) -> web.Response:
    """Answer that this process serves, whatever the others do."""
    return web.json_response({"status": "ok"})


ROUTES: Final = (
    Route("GET", "/api/v1/healthz", "public", healthz, HealthView, also=(503,)),
    Route("GET", "/healthz", "public", healthz, HealthView, also=(503,)),
    Route("GET", "/livez", "public", livez),
)
