"""An OpenID provider: where its keys are (discovery), and the keys, fetched anew every ten minutes.

A token that names a key we do not know has them fetched at once, but never twice within ten seconds, whoever asks: one
fetch at a time, and all wait for it. What the provider no longer publishes counts no more. While it is away, the keys
that it had serve for an hour.
"""

import asyncio
import contextlib
import json
from time import monotonic
from typing import Any, Final, Self

import aiohttp
import structlog

from baton_gateway.key_ring import KeyRing, key_ring
from baton_gateway.problems import Unavailable

log = structlog.get_logger("baton.provider")
_EVERY: Final = 600.0
_PAUSE: Final = 10.0
_SERVES: Final = 3600.0
_DEADLINE: Final = 5.0
_MAX_BYTES: Final = 1 << 20
_AWAY: Final = (
    "The OpenID provider cannot be reached at the moment, so nobody can tell whose token this is; try again soon."
)


class Provider:
    """The keys of one provider; inside `async with` they are kept up to date."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._ring: KeyRing | None = None
        self._fetched = self._tried = -_SERVES
        self._flight: asyncio.Task[None] | None = None
        self._running = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._session = await self._running.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), headers={"Accept": "application/json"})
        )
        self._running.push_async_callback(_ended, asyncio.create_task(self._watch()))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._flight:
            self._running.push_async_callback(_ended, self._flight)
        await self._running.aclose()

    async def ring(self) -> KeyRing:
        """Return its keys. Raises `Unavailable` where they were never fetched, or not for an hour."""
        if self._ring is None:
            await self.refresh()
        if self._ring is None or monotonic() - self._fetched > _SERVES:
            raise Unavailable(_AWAY)
        return self._ring

    async def refresh(self) -> None:
        """Fetch its keys, unless that was tried a moment ago; what comes of it is in `ring`."""
        if self._flight is None or self._flight.done():
            if monotonic() - self._tried < _PAUSE:
                return
            self._tried = monotonic()
            self._flight = asyncio.create_task(self._fetch())
        await asyncio.shield(self._flight)

    async def _watch(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(_EVERY if self._fetched >= self._tried else _PAUSE * 1.1)

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(_DEADLINE):
                ring = key_ring(await self._published())
        except Exception as error:  # noqa: BLE001 - whatever a provider answers, the gateway goes on
            log.warning("provider_away", issuer=self._issuer, error=type(error).__name__, reason=str(error)[:200])
            return
        self._fetched = monotonic()
        if self._ring is None or ring.published != self._ring.published:
            self._ring = ring
            log.info("provider_keys", issuer=self._issuer, keys=len(ring.keys))

    async def _published(self) -> object:
        said = await self._json(self._issuer.removesuffix("/") + "/.well-known/openid-configuration")
        if not isinstance(said, dict) or said.get("issuer") != self._issuer:
            raise ValueError(
                "its discovery document is of another issuer; BATON_OIDC_ISSUER must be its own to the letter"
            )
        where = said.get("jwks_uri")
        # The settings let an issuer be of http on this machine alone.
        allowed = ("https://", "http://") if self._issuer.startswith("http://") else "https://"
        if not isinstance(where, str) or not where.startswith(allowed):
            raise ValueError("its jwks_uri is not of https")
        return await self._json(where)

    async def _json(self, url: str) -> Any:  # noqa: ANN401 - any JSON
        body = bytearray()
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status != 200:  # noqa: PLR2004 - HTTP's own
                raise ValueError(f"{url} answers {response.status}")
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > _MAX_BYTES:
                    raise ValueError(f"{url} answers more than {_MAX_BYTES} bytes")
        return json.loads(body)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
