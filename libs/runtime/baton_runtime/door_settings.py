"""Settings of the gateway's door: who may come in, from where, and how much of everything."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_ORIGIN: Final = r"^https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?$|^https?://\[[0-9a-fA-F:]+\](:[0-9]{1,5})?$"
_CLAIM: Final = r"^[^.\s]+(\.[^.\s]+)*$"


def _listed(given: object) -> object:
    return tuple(one.strip() for one in given.split(",") if one.strip()) if isinstance(given, str) else given


def _issuer(url: str) -> str:
    if url and not url.startswith(("https://", "http://")):
        raise ValueError("it must be the URL of an OpenID provider, as its tokens have it in iss")
    return url


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Origin = Annotated[str, Field(pattern=_ORIGIN)]
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
    oidc_issuer: Annotated[str, AfterValidator(_issuer)] | None = Field(default=None, description="OpenID provider")
    oidc_audience: str | None = Field(default=None, description="what its tokens must name in aud")
    oidc_role_claim: Claim = Field(
        default="role", description="claim with viewer, operator or admin; a.b.c goes deeper"
    )
    oidc_tenant_claim: Claim | None = Field(
        default=None, description="claim with the tenant; without it there is one tenant, and its admins are of none"
    )
    oidc_actor_claim: Claim = Field(default="sub", description="claim that names the person in the log")
    max_body_bytes: int = Field(default=1 << 20, ge=1024, le=64 << 20, description="bytes of a request's body")
    max_json_depth: int = Field(default=64, ge=8, le=256, description="levels that JSON may be nested")
    max_json_nodes: int = Field(default=10_000, ge=100, le=1_000_000, description="values that JSON may hold")
    header_seconds: float = Field(default=10, gt=0, le=600, description="time for a connection's first request head")
    max_sockets: int = Field(default=100, ge=1, description="open sockets of one principal, at each gateway")
    max_subscriptions: int = Field(default=1000, ge=1, description="subscriptions of one principal, at each gateway")
    requests_per_second: int = Field(
        default=200, ge=0, description="of one principal at each gateway, twice as many at once; 0: no limit"
    )
