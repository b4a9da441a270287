"""Health: whether the parts can do their work, asked of each with a deadline.

These take no key and are answered under any `Host`, since probes ask by an address; they tell nothing that is secret.
"""

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, Final, Literal

import asyncpg
from aiohttp import web

from baton_contracts.rest import Condition, HealthView, Readiness
from baton_eventlog.database import UNAVAILABLE
from baton_eventlog.sql import QUERIES
from baton_gateway.query import Query
from baton_gateway.reading import READS, fetch_value
from baton_gateway.route import Call, Gateway, Route
from baton_runtime.host import Host

_DEADLINE: Final = 2.0
_FRESH: Final = 1.0


class Checkup:
    """One check for all who ask within a second, so that asking often costs the database nothing."""

    def __init__(
        self, check: Callable[[], Coroutine[Any, Any, HealthView]], clock: Callable[[], float] = monotonic
    ) -> None:
        self._check = check
        self._clock = clock
        self._result: asyncio.Task[HealthView] | None = None
        self._begun = 0.0

    async def result(self) -> HealthView:
        """Return what was found at most a second ago, or is being found now."""
        now = self._clock()
        if self._result is None or (self._result.done() and now - self._begun >= _FRESH):
            self._begun = now
            self._result = asyncio.create_task(self._check())
        return await asyncio.shield(self._result)  # whoever asked first may be gone before it is found


CHECKUP: Final = web.AppKey("checkup", Checkup)
STOPPING: Final = web.AppKey("stopping", asyncio.Event)


async def healthz(call: Call[None, Query]) -> web.Response:
    """Answer 200 when database, bus and workers are ok, 503 otherwise; the body tells which is not.

    A model whose last call failed is `degraded` and leaves it at 200: everything but new answers is served, tasks try
    again, and a gateway that is taken out of service for it would help nobody.
    """
    health = await call.request.app[CHECKUP].result()
    well = health.db_status == health.celery_status == "ok"
    body = health.model_dump_json().encode()
    return web.Response(body=body, status=200 if well else 503, content_type="application/json")


async def check(gateway: Gateway) -> HealthView:
    """Ask every part how it is."""
    host = gateway.host
    database, workers, model = await asyncio.gather(_database(host), _workers(host), _model(host))
    auth: Literal["on", "off"] = "on" if gateway.door.guarded else "off"
    return HealthView(api_status="ok", db_status=database, celery_status=workers, llm_status=model, auth=auth)


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


async def readyz(call: Call[None, Query]) -> web.Response:
    """Answer 200 when this gateway has read where the log is, 503 before that and when it is told to stop."""
    if call.request.app[STOPPING].is_set():
        readiness = Readiness(status="stopping")
    else:
        readiness = Readiness(status="starting" if call.gateway.sockets.epoch is None else "ready")
    status = 200 if readiness.status == "ready" else 503
    return web.Response(body=readiness.model_dump_json().encode(), status=status, content_type="application/json")


ROUTES: Final = (
    Route("GET", "/api/v1/healthz", "public", healthz, HealthView, also=(503,), any_host=True),
    Route("GET", "/healthz", "public", healthz, HealthView, also=(503,), any_host=True),
    Route("GET", "/livez", "public", livez, any_host=True),
    Route("GET", "/readyz", "public", readyz, Readiness, also=(503,), any_host=True),
)
