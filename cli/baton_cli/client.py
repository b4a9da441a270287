"""A client of a running gateway: its REST API and its socket.

Every call has a deadline. A gateway that does not answer raises `Unreachable`, one that says no raises `Refused`
with the problem document's own words. Who asks is said by the key or token in BATON_API_KEY: never by an option, which
everybody on the machine could read.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiohttp

from baton_cli.folders import write
from baton_cli.trouble import Trouble

Json = dict[str, Any]
_DEADLINE: Final = aiohttp.ClientTimeout(total=30, sock_connect=5)
_PIECE: Final = 2**16
_RECONNECT: Final = 0.5
_RESTORED: Final = 4409  # `since` is of a log that is no more
_HTTP_OK: Final = 200
_HTTP_REFUSED: Final = 400
_HTTP_UNAUTHENTICATED: Final = 401
_HTTP_FORBIDDEN: Final = 403
_HTTP_UNKNOWN: Final = 404
_KEY_VARIABLE: Final = "BATON_API_KEY"
_KEY_FORM: Final = re.compile(r"[!-~]+")


class Unreachable(Trouble):
    """No gateway answers at that address."""


class Refused(Trouble):
    """The gateway said no; `status` is the HTTP status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Socket:
    """The frames of `/ws`: connected again whenever it drops, at the last event of which all parts came."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._resume: dict[str, str] = {}
        self._heard: asyncio.Queue[Json | None] = asyncio.Queue()
        self.connected = asyncio.Event()
        self.refusal: Refused | None = None

    async def next(self, timeout: float) -> Json | None:
        """Return the next frame; None when there was none for so long, or some may have been missed."""
        try:
            return await asyncio.wait_for(self._heard.get(), timeout)
        except TimeoutError:
            return None

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except aiohttp.WSServerHandshakeError as error:
                self._be_refused(error.status)
            except (aiohttp.ClientError, OSError, TimeoutError):
                pass
            self._heard.put_nowait(None)
            await asyncio.sleep(_RECONNECT)

    async def _listen(self) -> None:
        async with self._session.ws_connect("/ws", params=self._resume, heartbeat=10, max_msg_size=2**24) as socket:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(message.json())
        if socket.close_code == _RESTORED:
            self._resume = {}

    def _be_refused(self, status: int) -> None:
        """Remember that the gateway does not let us in; with any other status it may come to itself."""
        if hint := _hint(status):
            self.refusal = Refused(status, f"The gateway answered {status} to GET /ws. {hint}")
            self.connected.set()

    def _hear(self, frame: Json) -> None:
        if frame.get("partial"):  # the whole message follows
            return
        if frame["event_type"] == "caught_up":  # from here on, nothing that happens is missed
            self.connected.set()
            self._resume["epoch"] = frame["epoch"]
        if frame.get("part") == frame.get("parts"):
            self._resume["since"] = str(frame["position"])
        self._heard.put_nowait(frame)


class Gateway:
    """What may be asked of a gateway."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.url = url
        self._session = session

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncIterator[Socket]:
        """Open the socket, so that nothing that comes after is missed. Raises `Unreachable` or `Refused`."""
        socket = Socket(self._session)
        listening = asyncio.create_task(socket.run())
        try:
            try:
                await asyncio.wait_for(socket.connected.wait(), 10)
            except TimeoutError:
                raise Unreachable(f"{self.url}/ws does not open. Check that a Baton serves there.") from None
            if socket.refusal:
                raise socket.refusal
            yield socket
        finally:
            listening.cancel()
            await asyncio.wait([listening])

    async def greet(self) -> None:
        """Raise `Unreachable` where nobody serves, and `Trouble` where it is no Baton."""
        async with self._request("GET", "/livez") as answer:
            try:
                found = answer.status == _HTTP_OK and (await answer.json(content_type=None))["status"] == "ok"
            except (ValueError, KeyError, TypeError):
                found = False
            if not found:
                raise Trouble(
                    f"{self.url} does not look like a Baton gateway: it answered {answer.status} to GET /livez, and "
                    "not as a Baton does. Correct --url, or start a Baton with `baton up`."
                )

    async def create(self, idea: str) -> UUID:
        """Start a project."""
        created = await self._call("POST", "/api/v1/projects", {"product_idea": idea})
        return UUID(created["project_id"])

    async def project(self, project_id: UUID) -> Json:
        """Return the project with its tasks and artifacts."""
        return await self._call("GET", f"/api/v1/projects/{project_id}")

    async def requests(self, project_id: UUID) -> list[Json]:
        """Return the questions to people, answered ones too."""
        answer = await self._call("GET", f"/api/v1/hitl/project/{project_id}/requests")
        return list(answer["requests"])

    async def respond(self, request_id: str, action: str, text: str) -> None:
        """Answer a question."""
        body = {"action": action, "response_content": text}
        await self._call("POST", f"/api/v1/hitl/{request_id}/respond", body)

    async def files(self, project_id: UUID) -> list[Json]:
        """Return name, type and size of the bundle's files; none while there is no bundle."""
        try:
            return list((await self._call("GET", f"/api/v1/artifacts/{project_id}/summary"))["artifacts"])
        except Refused as refusal:
            if refusal.status == _HTTP_UNKNOWN:
                return []
            raise

    async def download(self, project_id: UUID, target: Path) -> str:
        """Write the ZIP to a file and return the name that the gateway gives it. Raises `Trouble`."""
        async with self._ask("GET", f"/api/v1/artifacts/{project_id}/download") as answer:
            with target.open("wb") as file:
                async for piece in answer.content.iter_chunked(_PIECE):
                    write(file, piece)
            disposition = answer.content_disposition
            return (disposition.filename if disposition else None) or "project.zip"

    async def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        async with self._ask(method, path, body) as answer:
            return dict(await answer.json())

    @contextlib.asynccontextmanager
    async def _ask(self, method: str, path: str, body: Json | None = None) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._request(method, path, body) as answer:
            if answer.status >= _HTTP_REFUSED:
                raise Refused(answer.status, await _refusal(answer))
            yield answer

    @contextlib.asynccontextmanager
    async def _request(self, method: str, path: str, body: Json | None = None) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with self._session.request(method, path, json=body) as answer:
                yield answer
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"No Baton answers at {self.url} ({reason}). Start one with `baton up`.") from error


async def _refusal(answer: aiohttp.ClientResponse) -> str:
    """Return the problem document's words."""
    try:
        problem = await answer.json(content_type=None)
        words = ": ".join(str(problem[name]) for name in ("title", "detail") if problem.get(name))
    except (ValueError, KeyError, TypeError, AttributeError):
        words = ""
    said = f"The gateway answered {answer.status} to {answer.method} {answer.url.path}. {words}"
    return f"{said} {_hint(answer.status)}".strip()


def _hint(status: int) -> str:
    """Return what to do about a gateway that does not let us in; nothing for any other status."""
    if status not in (_HTTP_UNAUTHENTICATED, _HTTP_FORBIDDEN):
        return ""
    wanted = "another" if os.environ.get(_KEY_VARIABLE) else "an"
    return (
        f"Set {_KEY_VARIABLE} to {wanted} API key of that gateway: whoever runs it makes one with "
        "`baton keys create --role operator --tenant NAME`."
    )


def _identification() -> dict[str, str]:
    """Return the header that says who asks. Raises `Trouble` for what no header may hold."""
    key = os.environ.get(_KEY_VARIABLE, "").strip()
    if key and not _KEY_FORM.fullmatch(key):
        raise Trouble(f"{_KEY_VARIABLE} is no API key or token: it holds spaces or other characters. Set it again.")
    return {"Authorization": f"Bearer {key}"} if key else {}


def root_of(url: str) -> str:
    """Return a gateway's URL without the path of its API."""
    return url.rstrip("/").removesuffix("/api/v1")


@contextlib.asynccontextmanager
async def open_gateway(url: str) -> AsyncIterator[Gateway]:
    """Give a client of the gateway at `url`. Raises `Trouble` when that is no URL."""
    root = root_of(url)
    if not root.startswith(("http://", "https://")):
        raise Trouble(f"{url} is not the URL of a gateway: write it as http://127.0.0.1:8080")
    async with aiohttp.ClientSession(root + "/", headers=_identification(), timeout=_DEADLINE) as session:
        yield Gateway(session, root)


async def is_healthy(url: str) -> bool:
    """Tell whether the gateway at `url` says that all is well."""
    try:
        timeout = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{url}/healthz") as answer:
            return answer.status == _HTTP_OK
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False
