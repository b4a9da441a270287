"""Documents: what there is to call and to hear, for programs and, at `/docs`, for people.

Swagger UI's files come with the package `swagger-ui-py`, of which no code runs here. The page may load from this
gateway alone, which its own content security policy sees to.
"""

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from baton_gateway.documents.document import DOCUMENTS
from baton_gateway.query import Query
from baton_gateway.route import Call, Route

_OURS: Final = Path(__file__).parents[1] / "documents"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)  # Swagger UI sets styles on its elements, and its stylesheet holds its icons


def _swagger_ui() -> Path:
    """Return the folder of Swagger UI's files, without running any code of the package."""
    package = find_spec("swagger_ui")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("The package swagger-ui-py, which has the files of /docs, is not installed.")
    return Path(package.submodule_search_locations[0]) / "static"


async def openapi(call: Call[None, Query]) -> web.Response:
    """Answer with what can be called: OpenAPI 3.1."""
    return call.request.app[DOCUMENTS]["openapi"].answer(call.request)


async def asyncapi(call: Call[None, Query]) -> web.Response:
    """Answer with what is said on `/ws` and on the bus: AsyncAPI 3.0."""
    return call.request.app[DOCUMENTS]["asyncapi"].answer(call.request)


def _file(path: Path, media: str) -> Callable[[Call[Any, Any]], Awaitable[web.StreamResponse]]:
    async def send(_: Call[None, Query]) -> web.StreamResponse:
        headers = {"Content-Type": media, "Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return web.FileResponse(path, headers=headers)

    return send


def _page(where: str, path: Path, media: str) -> Route:
    return Route("GET", where, "public", _file(path, media), media=media)


ROUTES: Final = (
    Route("GET", "/api/v1/openapi.json", "public", openapi, also=(304,)),
    Route("GET", "/api/v1/asyncapi.json", "public", asyncapi, also=(304,)),
    _page("/docs", _OURS / "page.html", "text/html; charset=utf-8"),
    _page("/docs/page.js", _OURS / "page.js", "text/javascript; charset=utf-8"),
    _page("/docs/swagger-ui.css", _swagger_ui() / "swagger-ui.css", "text/css; charset=utf-8"),
    _page("/docs/swagger-ui-bundle.js", _swagger_ui() / "swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    _page("/docs/favicon-32x32.png", _swagger_ui() / "favicon-32x32.png", "image/png"),
)
