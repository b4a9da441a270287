"""What a verified token says: until when it holds, who it is, what they may do, and whose projects they work on."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from joserfc.errors import ClaimError
from joserfc.jwt import JWTClaimsRegistry

from baton_contracts.definitions import SLUG_PATTERN
from baton_gateway.principal import DEFAULT_TENANT, ROLES, GrantedRole, Principal
from baton_gateway.problems import Denied
from baton_gateway.signatures import Unfit
from baton_runtime.door_settings import DoorSettings

Claims = Mapping[str, Any]
EVERY_TENANT: Final = "*"
_LEEWAY: Final = 30  # seconds that clocks may differ
_MAX_ACTOR: Final = 200
_LAST: Final = datetime.max.replace(tzinfo=UTC).timestamp() - 1


def claims_in(payload: bytes, settings: DoorSettings, now: float) -> Claims:
    """Return the claims of a payload that was signed: of our provider, for us, and valid now. Raises `Unfit`."""
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise Unfit("its payload") from error
    if not isinstance(claims, dict):
        raise Unfit("its payload")
    rules = JWTClaimsRegistry(
        now=int(now),
        leeway=_LEEWAY,
        iss={"essential": True, "value": settings.oidc_issuer or ""},
        aud={"essential": True, "value": settings.oidc_audience or ""},
        exp={"essential": True},
        sub={"essential": True},
    )
    try:
        rules.validate(claims)
    except ClaimError as error:
        raise Unfit(f"its {error.claim}") from error
    return claims


def principal_in(claims: Claims, settings: DoorSettings) -> Principal:
    """Return whom the claims name. Raises `Unfit`, and `Denied` (403) for somebody who has no role or tenant here."""
    actor = claim_of(claims, settings.oidc_actor_claim)
    if not isinstance(actor, str) or not 0 < len(actor) <= _MAX_ACTOR or not actor.isprintable():
        raise Unfit("its claim that names the person")
    try:
        role = _role_in(claims, settings.oidc_role_claim)
        tenant = _tenant_in(claims, settings.oidc_tenant_claim, role)
    except Denied as denied:
        denied.claimed = f"oidc:{actor}"
        raise
    ends = datetime.fromtimestamp(min(claims["exp"], _LAST), UTC)
    return Principal(f"oidc:{actor}", tenant, role, expires_at=ends)


def claim_of(claims: Claims, name: str) -> object:
    """Return the claim of a name that may hold dots, else the one that it leads to as a path; None where none is."""
    if name in claims:
        return claims[name]
    found: object = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _role_in(claims: Claims, name: str) -> GrantedRole:
    given = claim_of(claims, name)
    held = given if isinstance(given, list) else [given]
    for role in reversed(ROLES):
        if role in held:
            return role
    raise _denied(f"Your token gives you no role here: its claim {name!r} must hold viewer, operator or admin.")


def _tenant_in(claims: Claims, name: str | None, role: GrantedRole) -> str | None:
    """Return None for an admin of all tenants."""
    given = claim_of(claims, name) if name else EVERY_TENANT if role == "admin" else DEFAULT_TENANT
    if given == EVERY_TENANT and role == "admin":
        return None
    if not isinstance(given, str) or not re.fullmatch(SLUG_PATTERN, given):
        raise _denied(f"Your token names no tenant of yours: its claim {name!r} must hold one, in a-z, 0-9 and dashes.")
    return given


def _denied(detail: str) -> Denied:
    return Denied(403, "Not allowed", detail)
