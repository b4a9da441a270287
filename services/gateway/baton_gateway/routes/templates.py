"""Templates: list them, read one, render one."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp import web

from baton_contracts.commands import Refused
from baton_contracts.definitions import Section, Template
from baton_contracts.rest_workflows import (
    Rendered,
    RenderRequest,
    SectionView,
    TemplateList,
    TemplateSummary,
    TemplateView,
    VariableView,
)
from baton_gateway.answers import model
from baton_gateway.idempotency import answered_once
from baton_gateway.problems import found_or_404
from baton_gateway.query import Query
from baton_gateway.rendering import rendered
from baton_gateway.route import Call, Route
from baton_runtime.definitions import variables_of

_DEADLINE: Final = 10.0
_BESIDE: Final = ThreadPoolExecutor(1, "render")  # a large document takes 2 s: one at a time, and beside the event loop


async def all_of_them(call: Call[None, Query]) -> web.Response:
    """Answer with every template that the definitions name."""
    templates = call.gateway.definitions.templates.values()
    return model(TemplateList(templates=[TemplateSummary(**_summary(template)) for template in templates]))


async def one(call: Call[None, Query]) -> web.Response:
    """Answer with one template: its definition, its variables, its sections."""
    template = _known(call)
    view = TemplateView(
        **_summary(template),
        content=template.model_dump(mode="json"),
        variables=[
            VariableView(name=use.name, used_in=list(use.used_in), repeatable=use.repeatable)
            for use in variables_of(template)
        ],
        sections=list(_sections(template.sections, 1)),
    )
    return model(view)


async def render(call: Call[RenderRequest, Query]) -> web.Response:
    """Render a template; names without a value stay as they are and are named as missing."""
    template, wanted = _known(call), call.body
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_DEADLINE):
        made = loop.run_in_executor(_BESIDE, rendered, template, wanted.variables, wanted.output_format)
        document = await made
    return await answered_once(call, lambda: document)


def _known(call: Call[Any, Query]) -> Template:
    """Return the template that the path names. Raises `Refused` (404)."""
    template_id = call.parameters["template_id"]
    missing = Refused(404, "Unknown template", f"There is no template {template_id}.")
    return found_or_404(call.gateway.definitions.templates.get(template_id), missing)


def _summary(template: Template) -> dict[str, str]:
    return {
        "id": template.id,
        "name": template.name,
        "description": template.description,
        "version": template.version,
    }


def _sections(sections: tuple[Section, ...], depth: int) -> Iterator[SectionView]:
    for section in sections:
        yield SectionView(id=section.id, title=section.title, type=section.type, depth=depth)
        yield from _sections(section.sections, depth + 1)


_ALL: Final = "/api/v1/workflows/templates"
_ONE: Final = f"{_ALL}/{{template_id}}"
ROUTES: Final = (
    Route("GET", _ALL, "viewer", all_of_them, TemplateList),
    Route("GET", _ONE, "viewer", one, TemplateView, refusals=(404,)),
    Route("POST", f"{_ONE}/render", "viewer", render, Rendered, RenderRequest, refusals=(404,)),
)
