"""Somebody who tries all that there is with every kind of credential, and keeps what comes back."""

import asyncio
import base64
from io import BytesIO
from typing import Any, Final

import aiohttp
import asyncpg

from baton_gateway import key_book
from baton_gateway.principal import GrantedRole
from support.canaries import Canaries, Said
from support.services import User
from support.waiting import eventually

Refusal = tuple[int, str, str, dict[str, Any]]
PROJECTS: Final = "/api/v1/projects"
_BODY: Final = {"product_idea": "A plant diary"}
_JSON: Final = {"Content-Type": "application/json"}
_PAGES: Final = ("/healthz", "/readyz", "/api/v1/openapi.json", "/api/v1/asyncapi.json", "/docs", PROJECTS)


class Guest:
    """Needs a gateway that asks for keys and answers to its own names alone; `marker` is what is not secret."""

    def __init__(self, url: str, dsn: str, canaries: Canaries, said: Said, marker: str) -> None:
        self._url = url
        self._dsn = dsn
        self._canaries = canaries
        self._said = said
        self._marker = marker

    async def try_everything(self) -> str:
        """Carry a project to its end and be refused in every way; gives the project's id."""
        admin, viewer = await self._key("admin"), await self._key("viewer")
        async with aiohttp.ClientSession(headers=_bearer(admin)) as client:
            ticket = await self._ticket(client)
            listening = [asyncio.create_task(self._listen(client, query)) for query in ("", f"&ticket={ticket}")]
            user = User(self._url, client)
            project_id = await user.create(f"A plant diary {self._marker} where people note watering days")
            await user.finished(project_id)
            answered = (await user.ask("GET", f"/hitl/project/{project_id}/requests"))["requests"][0]["request_id"]
            assert await self._ask(client, "GET", f"/api/v1/artifacts/{project_id}/download") == 200
            for path in (*_PAGES, f"{PROJECTS}/{project_id}", f"/api/v1/hitl/project/{project_id}/requests"):
                assert await self._ask(client, "GET", path) == 200, path
            for status, method, path, options in [*self._refusals(answered, ticket), *await self._strangers(viewer)]:
                assert await self._ask(client, method, path, **options) == status, (method, path, options)
            await self._fault(client)
            while await self._ask(client, "GET", PROJECTS, headers={"Authorization": "Bearer nobody"}) != 429:
                pass
            await eventually(self._has_heard)
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
        return project_id

    def _refusals(self, answered: str, ticket: str) -> list[Refusal]:
        """Return requests that do not fit, with a secret where somebody put it by mistake."""
        said = self._canaries.new("what stands in the wrong place", "misplaced-{}")
        wrong = self._canaries.new("wrong ticket", f"ticket_{'0' * 32}_{'A' * 27}{{}}")
        return [
            (400, "POST", PROJECTS, {"data": f'{{"product_idea": {said}', "headers": _JSON}),
            (404, "GET", "/metrics", {}),
            (404, "GET", f"{PROJECTS}/00000000-0000-4000-8000-000000000000", {}),
            (405, "DELETE", PROJECTS, {}),
            (409, "POST", f"/api/v1/hitl/{answered}/respond", {"json": {"action": "approve"}}),
            (413, "POST", PROJECTS, {"data": BytesIO(said.encode() * (1 << 16)), "headers": _JSON}),
            (415, "POST", PROJECTS, {"data": said, "headers": {"Content-Type": "text/plain"}}),
            (421, "GET", PROJECTS, {"headers": {"Host": "elsewhere.example"}}),
            (422, "POST", PROJECTS, {"json": _BODY | {"api_key": said}}),
            (422, "GET", f"{PROJECTS}?limit={said}", {}),
            (401, "GET", f"/ws?ticket={ticket}", {}),
            (401, "GET", f"/ws?ticket={wrong}", {}),
        ]

    async def _strangers(self, viewer: str) -> list[Refusal]:
        """Return requests of somebody who may not, or whose credentials are none, or none any more."""
        new = self._canaries.new
        password = new("password of a person", "password-{}")
        given = (
            f"Bearer {await self._key('operator', revoked=True)}",
            f"Bearer {viewer[:-20]}{new('wrong key')}AAAA",
            f"Bearer {viewer[:-1]}",
            f"Bearer {new('token', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.{}')}",
            f"Bearer {new('word', 'word-{}')}",
            f"Basic {base64.b64encode(f'anna:{password}'.encode()).decode()}",
            password,
        )
        unknown: list[Refusal] = [(401, "GET", PROJECTS, {"headers": {"Authorization": words}}) for words in given]
        return [(403, "POST", PROJECTS, {"json": _BODY, "headers": _bearer(viewer)}), *unknown]

    async def _fault(self, client: aiohttp.ClientSession) -> None:
        """Have the gateway fail where it looks a key up."""
        connection = await asyncpg.connect(self._dsn)
        await connection.execute("ALTER TABLE api_keys RENAME TO api_keys_away")
        assert await self._ask(client, "GET", PROJECTS) == 500
        await connection.execute("ALTER TABLE api_keys_away RENAME TO api_keys")
        await connection.close()

    async def _key(self, role: GrantedRole, *, revoked: bool = False) -> str:
        connection = await asyncpg.connect(self._dsn)
        name = f"{role}-{self._marker}"
        key, text = await key_book.add_key(connection, role, None if role == "admin" else "default", name=name)
        if revoked:
            await key_book.revoke_key(connection, key.id)
        await connection.close()
        return self._canaries.know(f"key {name}", text)

    async def _ticket(self, client: aiohttp.ClientSession) -> str:
        async with client.post(f"{self._url}/api/v1/ws-tickets") as answer:
            return self._canaries.know("ticket", (await answer.json())["ticket"])

    async def _listen(self, client: aiohttp.ClientSession, query: str) -> None:
        headers = {"Authorization": ""} if query else {}
        async with client.ws_connect(f"{self._url}/ws?since=0{query}", headers=headers) as socket:
            await socket.send_str(self._canaries.new("message on a socket", '{{"type": "{}"}}'))
            async for message in socket:
                self._said.take("frames", str(message.data))

    async def _has_heard(self) -> bool:
        return self._said.shows("frames", self._marker) and self._said.shows("frames", "project_completed")

    async def _ask(self, client: aiohttp.ClientSession, method: str, path: str, **options: Any) -> int:  # noqa: ANN401
        return await self._said.ask(client, method, self._url + path, **options)


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
