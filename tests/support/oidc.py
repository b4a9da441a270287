"""OpenID providers for tests: one whose keys the test holds, and oidc-provider-mock in a process of its own."""

import asyncio
import base64
import contextlib
import hmac
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
from aiohttp import web
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from support.services import free_port

AUDIENCE: Final = "baton"
DISCOVERY: Final = "/.well-known/openid-configuration"
JWKS: Final = "/jwks"
Json = dict[str, Any]
RSA: Final = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
OTHER_RSA: Final = RSAKey.generate_key(2048, {"kid": "other"})
KEYS: Final[Mapping[str, Key]] = {
    "RS256": RSA,
    "RS384": RSA,
    "RS512": RSA,
    "PS256": RSA,
    "PS384": RSA,
    "PS512": RSA,
    "ES256": ECKey.generate_key("P-256", {"kid": "p-256", "alg": "ES256"}),
    "ES384": ECKey.generate_key("P-384", {"kid": "p-384"}),
    "ES512": ECKey.generate_key("P-521", {"kid": "p-521"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "ed-old", "alg": "EdDSA"}),
    "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "ed-new"}),
}
"""A key for each algorithm that a provider may use."""


def encoded(data: object) -> str:
    """Return JSON, or bytes, as a part of a token."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: object, payload: object, key: Key | bytes, algorithm: str) -> str:
    """Return a token of any header and payload, right or wrong, signed by this algorithm; a secret does HS256."""
    start = f"{encoded(header)}.{encoded(payload)}"
    if isinstance(key, bytes):
        return f"{start}.{encoded(hmac.digest(key, start.encode(), 'sha256'))}"
    return f"{start}.{encoded(JWSRegistry.algorithms[algorithm].sign(start.encode(), key))}"


@dataclass
class Issuer:
    """A provider; what it publishes, and after how many seconds, may be changed at any time.

    `asked` counts what it was asked for, by path.
    """

    port: int = field(default_factory=free_port)
    keys: list[Key] = field(default_factory=lambda: list({key.kid: key for key in KEYS.values()}.values()))
    asked: Counter[str] = field(default_factory=Counter)
    discovery: Json = field(default_factory=dict)
    jwks: bytes | None = None
    status: int = 200
    seconds: float = 0

    @property
    def url(self) -> str:
        """What its tokens have in iss."""
        return f"http://127.0.0.1:{self.port}"

    def claims(self, **other: Any) -> Json:  # noqa: ANN401 - any claim
        """Return the claims of a good token, with others; None leaves one out."""
        now = int(time())
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 300, "role": "operator"}
        return {name: value for name, value in (usual | other).items() if value is not None}

    def token(self, algorithm: str = "RS256", header: Mapping[str, Any] | None = None, **claims: Any) -> str:  # noqa: ANN401
        """Return a good token, with other claims, and with more or other things in its header."""
        key = KEYS[algorithm]
        return signed({"alg": algorithm, "kid": key.kid} | dict(header or {}), self.claims(**claims), key, algorithm)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Issuer"]:
        """Answer until the block ends."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        await asyncio.sleep(self.seconds)
        if self.status != 200:
            return web.Response(status=self.status, headers={"Location": f"{self.url}/elsewhere"})
        if request.path == DISCOVERY:
            return web.json_response({"issuer": self.url, "jwks_uri": self.url + JWKS} | self.discovery)
        public = {"keys": [key.as_dict(private=False) for key in self.keys]}
        return web.Response(body=json.dumps(public).encode() if self.jwks is None else self.jwks)


@contextlib.asynccontextmanager
async def provider(*users: Json, port: int | None = None) -> AsyncIterator[str]:
    """Run oidc-provider-mock with users (`sub` and any claims); gives its issuer."""
    port = port or free_port()
    options = [option for user in users for option in ("--user-claims", json.dumps(user))]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        await _is_up(url)
        yield url
    finally:
        process.terminate()
        process.wait(10)


async def _is_up(url: str) -> None:
    async with asyncio.timeout(30), aiohttp.ClientSession() as client:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with client.get(url + DISCOVERY) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.1)


async def logged_in(url: str, subject: str, client_id: str = AUDIENCE) -> str:
    """Log a user in at oidc-provider-mock as a browser and an application would (code flow); give the ID token."""
    callback = "http://localhost/callback"
    asked = {"response_type": "code", "client_id": client_id, "redirect_uri": callback, "scope": "openid"}
    client_of = {"client_id": client_id, "client_secret": "any"}
    wanted = {"grant_type": "authorization_code", "redirect_uri": callback} | client_of
    async with aiohttp.ClientSession(url) as client:
        form = {"sub": subject}
        async with client.post("/oauth2/authorize", params=asked, data=form, allow_redirects=False) as response:
            (code,) = parse_qs(urlsplit(response.headers["Location"]).query)["code"]
        async with client.post("/oauth2/token", data=wanted | {"code": code}) as response:
            return str((await response.json())["id_token"])
