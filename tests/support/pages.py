"""A web server of somebody else: its pages try things in a browser and tell it what came of them."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from aiohttp import web

_PAGE: Final = """<!doctype html>
<meta charset="utf-8">
<title>A page</title>
<body>
<script>
const given = %s;
const found = {};
const soon = (promise) => Promise.race([promise, new Promise((done) => setTimeout(done, 5000, "nothing happened"))]);
async function attempt(name, what) {
  try { found[name] = await soon(what()); } catch (error) { found[name] = "failed: " + error.name; }
}
async function main() {
%s
}
main().catch((error) => { found.error = String(error); }).finally(
  () => fetch(given.home + "/found", {method: "POST", mode: "no-cors", body: JSON.stringify(found)}));
</script>
"""


class Pages:
    """Serves one page, whose script is the body of an async function; it has `given`, and `attempt(name, what)`.

    `stolen` is whatever a script sent that should not have run, as it does from the page `html`; `called` are functions
    of ours that a page may call.
    """

    def __init__(self, script: str = "", **called: Callable[[], object]) -> None:
        self.script = script
        self.given: Mapping[str, Any] = {}
        self.html = ""
        self.stolen: list[str] = []
        self._called = called
        self._found: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_get("/html", self._html)
        app.router.add_post("/found", self._take)
        app.router.add_post("/call/{name}", self._call)
        app.router.add_route("*", "/stolen", self._steal)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def found(self, *, seconds: float = 40) -> dict[str, Any]:
        """Wait for what a page found."""
        async with asyncio.timeout(seconds):
            return await self._found.get()

    async def _page(self, request: web.Request) -> web.Response:
        given = {"home": f"http://{request.url.host}:{self.port}", **self.given}
        text = json.dumps(given).replace("<", r"\u003c")  # a script ends at its end tag, in a text too
        return web.Response(text=_PAGE % (text, self.script), content_type="text/html")

    async def _html(self, _: web.Request) -> web.Response:
        return web.Response(text=self.html, content_type="text/html")

    async def _take(self, request: web.Request) -> web.Response:
        await self._found.put(json.loads(await request.text()))
        return web.Response()

    async def _call(self, request: web.Request) -> web.Response:
        self._called[request.match_info["name"]]()
        return web.Response()

    async def _steal(self, request: web.Request) -> web.Response:
        self.stolen.append(str(request.rel_url))
        return web.Response()
