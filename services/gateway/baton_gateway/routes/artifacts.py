"""Bundles: make one, see what is in it, download it, clean up; and the plan's diagram."""

from typing import Final

from aiohttp import web

from baton_contracts.commands import CleanArtifacts, CleanOldArtifacts, GenerateArtifacts, Refused
from baton_contracts.ids import SYSTEM_STREAM
from baton_contracts.rest import BundleMade, BundleSummary
from baton_contracts.rest_lifecycle import Age, BundlesCleaned, OldBundlesCleaned
from baton_gateway.answers import json_text, written
from baton_gateway.commands import order
from baton_gateway.download import Bundle, send
from baton_gateway.problems import found_or_404, unknown_project
from baton_gateway.query import Fresh, Query
from baton_gateway.reading import READS, fetch_row, fetch_value
from baton_gateway.route import Call, Route
from baton_runtime.blobs import BlobMissing

_WITHIN: Final = 60.0
_OF: Final = "/api/v1/artifacts/{project_id}"


async def generate(call: Call[None, Query]) -> web.Response:
    """Bundle what a project has so far; answers when the ZIP is there."""
    command = GenerateArtifacts(project_id=call.id("project_id"))
    return written(await order(call, command, deadline=_WITHIN), BundleMade)


async def clean(call: Call[None, Query]) -> web.Response:
    """Remove a project's bundles; they can be generated again."""
    command = CleanArtifacts(project_id=call.id("project_id"))
    return written(await order(call, command, deadline=_WITHIN), BundlesCleaned)


async def clean_old(call: Call[Age, Query]) -> web.Response:
    """Remove every bundle that is older than so many hours; each can be generated again."""
    age, tenant = call.body.max_age_hours, call.principal.tenant
    command = CleanOldArtifacts(project_id=SYSTEM_STREAM, max_age_hours=age, tenant=tenant)
    return written(await order(call, command, deadline=_WITHIN), OldBundlesCleaned)


async def summary(call: Call[None, Fresh]) -> web.Response:
    """Answer with the files of the newest bundle; none before there is one."""
    project_id = call.id("project_id")
    found = await fetch_value(call.gateway.host.pool, READS["bundle_summary"], project_id, call.principal.tenant)
    return json_text(found_or_404(found, unknown_project(project_id)))


async def download(call: Call[None, Fresh]) -> web.StreamResponse:
    """Stream the newest bundle."""
    project_id = call.id("project_id")
    found = await fetch_row(call.gateway.host.pool, READS["bundle"], project_id, call.principal.tenant)
    row = found_or_404(found, unknown_project(project_id))
    if row["sha256"] is None:
        raise Refused(404, "No bundle", "This project has no bundle; generate one, or wait until it completes.")
    bundle = Bundle(row["name"], row["sha256"], row["size"])
    try:
        chunks = await call.gateway.blobs.stream(bundle.sha256)
    except BlobMissing as error:
        raise Refused(404, "Bundle is gone", "The bundle was cleaned up; generate it again.") from error
    return await send(call.request, bundle, chunks)


async def diagram(call: Call[None, Fresh]) -> web.Response:
    """Answer with the plan's architecture diagram as mermaid source."""
    asked = call.id("project_id"), call.principal.tenant
    found = await fetch_value(call.gateway.host.pool, READS["diagram"], *asked)
    missing = Refused(404, "No diagram", "There is no such project, or its plan has no diagram yet.")
    return web.Response(text=found_or_404(found, missing), content_type="text/plain", charset="utf-8")


ROUTES: Final = (
    Route("POST", f"{_OF}/generate", "operator", generate, BundleMade, refusals=(404, 409)),
    Route("DELETE", f"{_OF}/artifacts", "admin", clean, BundlesCleaned, refusals=(404, 409)),
    Route("DELETE", "/api/v1/artifacts/cleanup-old", "admin", clean_old, OldBundlesCleaned, Age, spans_tenants=True),
    Route("GET", f"{_OF}/summary", "viewer", summary, BundleSummary, query=Fresh, refusals=(404,)),
    Route("GET", f"{_OF}/download", "viewer", download, query=Fresh, refusals=(404,), media="application/zip"),
    Route("GET", f"{_OF}/diagram", "viewer", diagram, query=Fresh, refusals=(404,), media="text/plain"),
)
