"""Settings of the gateway's door: who may come in, from where, and how much of everything."""

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from baton_runtime.loopback import is_loopback

_ORIGIN: Final = r"https?://([A-Za-z0-9.\-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?"
_CLAIM: Final = r"^[^\s]{1,200}$"


def _listed(given: object) -> object:
    return tuple(one.strip() for one in given.split(",") if one.strip()) if isinstance(given, str) else given


def _origin(origin: str) -> str:
    if not re.fullmatch(_ORIGIN, origin):
        raise ValueError("each must be scheme://host or scheme://host:port, with no path, no slash at the end and no *")
    return origin


def _issuer(url: str | None) -> str | None:
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment or "@" in url:
        raise ValueError("it must be the URL of an OpenID provider, as its tokens have it in iss")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("it must begin with https://, as its keys decide who comes in (http:// on this machine alone)")
    return url


def _audience(audience: str | None, info: ValidationInfo) -> str | None:
    if "oidc_issuer" in info.data and bool(audience) != bool(info.data["oidc_issuer"]):
        raise ValueError("it goes with BATON_OIDC_ISSUER: set both, or neither")
    return audience or None


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Origin = Annotated[str, AfterValidator(_origin)]
Origins = Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_listed)]
Claim = Annotated[str, Field(pattern=_CLAIM)]


class DoorSettings(BaseSettings):
    """What a deployment decides about its door; numbers of 0 in `requests_per_second` mean no limit."""

    model_config = SettingsConfigDict(env_prefix="BATON_", extra="ignore")

    auth: Literal["on", "off"] | None = Field(
        default=None, description="on: API keys, and OIDC where an issuer is named; off: whoever reaches the gateway"
    )
    allowed_hosts: Listed = Field(default=(), description="names that requests may have in Host, beside the own ones")
    allowed_origins: Origins = Field(default=(), description="origins of other sites whose pages may use the gateway")
    oidc_issuer: Annotated[str | None, AfterValidator(_issuer)] = Field(default=None, description="OpenID provider")
    oidc_audience: Annotated[str | None, AfterValidator(_audience)] = Field(
        default=None, validate_default=True, description="what its tokens must name in aud"
    )
    oidc_role_claim: Claim = Field(
        default="role", description="claim with viewer, operator or admin, alone or in a list; a.b.c goes deeper"
    )
    oidc_tenant_claim: Claim | None = Field(
        default=None,
        description="claim with the tenant, * for an admin of all; without it there is one, and its admins are of all",
    )
    oidc_actor_claim: Claim = Field(default="sub", description="claim that names the person in the log")
    max_body_bytes: int = Field(default=1 << 20, ge=1024, le=64 << 20, description="bytes of a request's body")
    max_json_depth: int = Field(default=64, ge=8, le=256, description="levels that JSON may be nested")
    max_json_nodes: int = Field(default=10_000, ge=100, le=1_000_000, description="values that JSON may hold")
    header_seconds: float = Field(default=10, gt=0, le=600, description="time for a connection's first request head")
    max_connections: int = Field(
        default=10_000, ge=16, description="connections at once, at each gateway; fewer where it may open fewer files"
    )
    max_sockets: int = Field(default=100, ge=1, description="open sockets of one principal, at each gateway")
    max_subscriptions: int = Field(default=1000, ge=1, description="subscriptions of one principal, at each gateway")
    requests_per_second: int = Field(
        default=200, ge=0, description="of one principal at each gateway, twice as many at once; 0: no limit"
    )
