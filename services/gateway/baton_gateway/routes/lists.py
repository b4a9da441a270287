"""Lists over all projects, a page at a time: the projects, and the inbox of questions to people."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import Field

from baton_contracts.rest import HitlView
from baton_contracts.rest_lists import HitlPage, ProjectLine, ProjectPage
from baton_gateway.answers import model
from baton_gateway.cursor import MAX_LENGTH, Key, read_cursor, write_cursor
from baton_gateway.pages import Pages, pages_of
from baton_gateway.query import AS_NUMBER, Flag, Fresh
from baton_gateway.reading import READS, fetch, fetch_value
from baton_gateway.route import Call, Route

Limit = Annotated[int, Field(ge=1, le=200), AS_NUMBER]
ProjectStatus = Literal["active", "completed", "failed"]
RequestStatus = Literal["pending", "approved", "rejected", "amended"]
Order = Literal["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"]
_ASCENDING: Final = ("created_at", "updated_at", "name")
_PROJECTS: Final[Mapping[str, Pages]] = {
    **{name: pages_of(f"projects_by_{name}", f"{name}, project_id") for name in _ASCENDING},
    **{f"-{name}": pages_of(f"projects_by_{name}_descending", f"{name} DESC, project_id DESC") for name in _ASCENDING},
}
_REQUESTS: Final = pages_of("requests", "created_at, request_id")
_PENDING: Final = pages_of("pending_requests", "created_at, request_id")


class Paged(Fresh):
    """A list that is read page by page."""

    limit: Limit = Field(default=50, description="how many a page holds at most")
    cursor: str | None = Field(
        default=None, max_length=MAX_LENGTH, description="`next` of the page before; its order must be the same"
    )


class ProjectQuery(Paged):
    """Which projects are wanted, in which order."""

    status: tuple[ProjectStatus, ...] = Field(default=(), description="only projects of these statuses")
    paused: Flag | None = Field(default=None, description="only projects that are paused, or that are not")
    sort: Order = Field(default="-created_at", description="a minus means descending")


class InboxQuery(Paged):
    """Which questions are wanted."""

    status: tuple[RequestStatus, ...] = Field(default=(), description="only questions of these statuses")


async def projects(call: Call[None, ProjectQuery]) -> web.Response:
    """Answer with a page of projects; none is missed or told twice when others are added meanwhile."""
    wanted, column = call.query, call.query.sort.removeprefix("-")
    kind: type[Key] = str if column == "name" else datetime
    after, tenant = read_cursor(wanted.cursor, wanted.sort, kind), call.principal.tenant
    rows = await fetch(
        call.gateway.host.pool,
        _PROJECTS[wanted.sort].seen_by(tenant),
        tenant,
        list(wanted.status) or None,
        wanted.paused,
        *after,
        wanted.limit + 1,
    )
    shown = [ProjectLine.model_validate(dict(row)) for row in rows[: wanted.limit]]
    is_last = len(rows) <= wanted.limit
    following = None if is_last else write_cursor(wanted.sort, getattr(shown[-1], column), shown[-1].project_id)
    return model(ProjectPage(projects=shown, next=following))


async def inbox(call: Call[None, InboxQuery]) -> web.Response:
    """Answer with a page of the questions of all projects, oldest first.

    One that waits in a project that is over is left out: it cannot be answered any more.
    """
    wanted, pool, tenant = call.query, call.gateway.host.pool, call.principal.tenant
    page = (tenant, *read_cursor(wanted.cursor, _OLDEST_FIRST, datetime), wanted.limit + 1)
    if wanted.status == ("pending",):
        rows = await fetch(pool, _PENDING.seen_by(tenant), *page)
    else:
        rows = await fetch(pool, _REQUESTS.seen_by(tenant), *page, list(wanted.status) or None)
    shown = [HitlView.model_validate(dict(row)) for row in rows[: wanted.limit]]
    is_last = len(rows) <= wanted.limit
    following = None if is_last else write_cursor(_OLDEST_FIRST, shown[-1].created_at, shown[-1].request_id)
    pending = await fetch_value(pool, READS["pending_count"], tenant)
    return model(HitlPage(requests=shown, next=following, pending_count=pending))


_OLDEST_FIRST: Final = "requests"
ROUTES: Final = (
    Route("GET", "/api/v1/projects", "viewer", projects, ProjectPage, query=ProjectQuery),
    Route("GET", "/api/v1/projects/", "viewer", projects, ProjectPage, query=ProjectQuery),
    Route("GET", "/api/v1/hitl", "viewer", inbox, HitlPage, query=InboxQuery),
)
