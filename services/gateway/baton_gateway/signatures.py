"""Signed JWTs (RFC 7515, 7519): their form, and whether a key signed them. Nothing of one counts before that.

The algorithm must be one of a list, all asymmetric, and the key must be made for it: so neither `none` counts, nor a
public key taken for a shared secret. What a header brings or points to as a key (jwk, jku, x5c, x5u) is never used.
"""

from typing import Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import Key
from joserfc.jws import CompactSignature, JWSRegistry

from baton_gateway.key_ring import RENAMED

ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
_TYPES: Final = ("jwt", "at+jwt")  # not, for instance, a notice of a log-out that the same keys signed


class Unfit(Exception):
    """A token is refused; the message says why, and holds nothing of the token."""


class _Registry(JWSRegistry):
    max_header_length = 4096

    def get_alg(self, name: str) -> JWSAlgModel:
        return super().get_alg(RENAMED.get(name, name))


_REGISTRY: Final = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


def read_token(given: str) -> CompactSignature:
    """Return a token, which is ASCII, in its parts, of which none is verified yet. Raises `Unfit`."""
    try:
        token = jws.extract_compact(given.encode(), registry=_REGISTRY)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise Unfit("its form") from error
    _check_header(token.headers())
    return token


def _check_header(header: object) -> None:
    if not isinstance(header, dict) or not isinstance(header.get("kid", ""), str):
        raise Unfit("its header")
    if "crit" in header or "b64" in header:
        raise Unfit("its header asks for an extension")
    algorithm, kind = header.get("alg"), header.get("typ", _TYPES[0])
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Unfit("its algorithm")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        raise Unfit("its typ")


def is_signed_by(token: CompactSignature, key: Key) -> bool:
    """Tell whether a key signed a token, and may have: the key's type, curve, alg and use must fit the algorithm."""
    try:
        return jws.validate_compact(token, key, registry=_REGISTRY)
    except (JoseError, ValueError):
        return False
