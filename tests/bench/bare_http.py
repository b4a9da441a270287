"""The floors over HTTP, each a resident: an answer that is always the same, and a bare insert a request."""

from contextlib import AsyncExitStack
from typing import Final

import orjson
from aiohttp import web
from uuid_utils.compat import uuid7

from baton_eventlog.database import open_pool
from bench.bare import FLOORS

_JSON: Final = "application/json"


class BareServer:
    """An aiohttp application without anything around it; the base of the floors."""

    def __init__(self) -> None:
        self.stack = AsyncExitStack()

    async def listen(self, *routes: web.RouteDef) -> str:
        """Serve routes; return the URL."""
        app = web.Application()
        app.add_routes(routes)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        self.stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop."""
        await self.stack.aclose()


class Constant(BareServer):
    """Answers every GET with the same bytes."""

    async def serve(self, body: bytes) -> str:
        """Serve from now on; return the URL."""

        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=body, content_type=_JSON)

        return await self.listen(web.get("/", answer))


class Inserting(BareServer):
    """Inserts one row a POST and commits it."""

    async def serve(self, dsn: str) -> str:
        """Serve from now on; return the URL."""
        pool = await open_pool(dsn, name="bench")
        self.stack.callback(pool.terminate)
        await pool.execute(FLOORS["posts"])

        async def insert(request: web.Request) -> web.Response:
            idea, project_id = orjson.loads(await request.read())["product_idea"], uuid7()
            await pool.execute(FLOORS["post"], project_id, idea)
            said = orjson.dumps({"project_id": str(project_id), "status": "active"})
            return web.Response(body=said, content_type=_JSON, status=201)

        return await self.listen(web.post("/", insert))
