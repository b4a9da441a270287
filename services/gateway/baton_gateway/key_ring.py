"""The keys of an OpenID provider that may sign a token, out of what it publishes (JWKS, RFC 7517).

Only what has a public half is kept: a secret that both sides know would let whoever reads it sign.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import structlog
from joserfc import jwk
from joserfc.errors import SecurityWarning

log = structlog.get_logger("baton.provider")
RENAMED: Final = {"EdDSA": "Ed25519"}
"""The old name of an algorithm, and the one that says the curve too (RFC 9864)."""
_ASYMMETRIC: Final = ("RSA", "EC", "OKP")
_MAX_KEYS: Final = 32  # a token without a kid is tried with each of them


@dataclass(frozen=True, eq=False, slots=True)
class KeyRing:
    """The keys that a provider had at one time; `published` is what it said, word for word."""

    keys: tuple[jwk.Key, ...]
    published: object

    def named(self, kid: str | None) -> tuple[jwk.Key, ...]:
        """Return the keys that a token may mean: those of its `kid`, or all where it names none."""
        return tuple(key for key in self.keys if kid is None or key.kid == kid)


def key_ring(published: object) -> KeyRing:
    """Return the keys of a JWKS that may sign tokens. Raises `ValueError` where it is no JWKS."""
    keys = published.get("keys") if isinstance(published, dict) else None
    if not isinstance(keys, list):
        raise ValueError("it is no set of keys")  # noqa: TRY004 - the provider's mistake, not a caller's
    return KeyRing(tuple(islice(_signing(keys), _MAX_KEYS)), published)


def _signing(published: list[Any]) -> Iterator[jwk.Key]:
    for one in published:
        if isinstance(one, dict) and one.get("kty") in _ASYMMETRIC and one.get("use", "sig") == "sig":
            key = _imported(one)
            if key is not None:
                yield key


def _imported(published: dict[str, Any]) -> jwk.Key | None:
    algorithm = published.get("alg")
    renamed = {"alg": RENAMED[algorithm]} if isinstance(algorithm, str) and algorithm in RENAMED else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)  # such as an RSA key of less than 2048 bits
            return jwk.import_key(published | renamed)
    except Exception as error:  # noqa: BLE001 - one key that cannot be read must not take the others away
        log.warning("provider_key_left_out", error=type(error).__name__)
        return None
