"""Tokens of an OpenID provider: signed by one of its keys, for us, and valid now.

Whoever sends another one is not told what is wrong with it; the log is, without any part of the token.
"""

import hashlib
from collections.abc import Callable
from time import time
from typing import Final

import structlog
from joserfc.jws import CompactSignature

from baton_gateway.claims import claims_in, principal_in
from baton_gateway.key_ring import KeyRing
from baton_gateway.principal import Principal
from baton_gateway.provider import Provider
from baton_gateway.rate import Buckets
from baton_gateway.signatures import Unfit, is_signed_by, read_token
from baton_runtime.door_settings import DoorSettings

log = structlog.get_logger("baton.tokens")
_MAX_LENGTH: Final = 16 << 10
_MAX_KEPT: Final = 10_000
_LINES_PER_SECOND: Final = 10.0


class Tokens:
    """Verifies tokens with the provider's keys."""

    def __init__(self, provider: Provider, settings: DoorSettings, clock: Callable[[], float] = time) -> None:
        self._provider = provider
        self._settings = settings
        self._clock = clock
        self._verified = _Verified()
        self._lines = Buckets(_LINES_PER_SECOND, 1.0)

    async def principal_of(self, given: str) -> Principal | None:
        """Return whose token this is, None where it is none, or no more.

        Raises `Denied` (403) for somebody without a role or tenant here, `Unavailable` while the keys cannot be had.
        """
        try:
            return await self._principal_of(given)
        except Unfit as unfit:
            say = log.debug if self._lines.take("") else log.warning  # a flood must not become one of lines
            say("token_refused", reason=str(unfit))
            return None

    async def _principal_of(self, given: str) -> Principal:
        if len(given) > _MAX_LENGTH or not given.isascii():
            raise Unfit("its form")
        ring = await self._provider.ring()
        digest, now = hashlib.sha256(given.encode()).digest(), self._clock()
        principal = self._verified.get(digest, ring, now)
        if principal is None:
            token = read_token(given)
            ring = await self._signing_ring(token, ring)
            principal = principal_in(claims_in(token.payload, self._settings, now), self._settings)
            self._verified.keep(digest, ring, principal)
        return principal

    async def _signing_ring(self, token: CompactSignature, ring: KeyRing) -> KeyRing:
        """Return the keys of which one signed the token: those that we have, else those of now. Raises `Unfit`."""
        kid = token.headers().get("kid")
        named = ring.named(kid)
        if any(is_signed_by(token, key) for key in named):
            return ring
        if kid is None or not named:
            await self._provider.refresh()
            newer = await self._provider.ring()
            if newer is not ring and any(is_signed_by(token, key) for key in newer.named(kid)):
                return newer
        raise Unfit("its signature, or it names a key that the provider does not have")


class _Verified:
    """Who tokens stood for, by the tokens' sha256: as long as the keys are the same, and the token has not ended."""

    def __init__(self) -> None:
        self._ring: KeyRing | None = None
        self._kept: dict[bytes, tuple[float, Principal]] = {}

    def get(self, digest: bytes, ring: KeyRing, now: float) -> Principal | None:
        if ring is not self._ring:
            self._ring, self._kept = ring, {}
        ends, principal = self._kept.get(digest, (0.0, None))
        return principal if now < ends else None

    def keep(self, digest: bytes, ring: KeyRing, principal: Principal) -> None:
        if ring is self._ring and principal.expires_at:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.clear()
            self._kept[digest] = (principal.expires_at.timestamp(), principal)
