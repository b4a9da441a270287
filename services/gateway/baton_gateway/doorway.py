"""The door as the settings want it."""

import contextlib
from collections.abc import AsyncIterator

import structlog

from baton_gateway.credentials import Credentials
from baton_gateway.door import Door
from baton_gateway.keys import Keys
from baton_gateway.origins import Neighbourhood
from baton_gateway.provider import Provider
from baton_gateway.rate import Limiter
from baton_gateway.tickets import Tickets
from baton_gateway.tokens import Tokens
from baton_runtime.door_settings import DoorSettings
from baton_runtime.host import Host, NotStarted
from baton_runtime.loopback import is_loopback

log = structlog.get_logger("baton.doorway")
_UNSAID = (
    "Nothing says who may use this gateway. Set BATON_AUTH=on and make a key with `baton keys create` (or name an "
    "OpenID provider: BATON_OIDC_ISSUER and BATON_OIDC_AUDIENCE). BATON_AUTH=off lets in whoever reaches it."
)


@contextlib.asynccontextmanager
async def opened_tokens(settings: DoorSettings) -> AsyncIterator[Tokens | None]:
    """Give what verifies an OpenID provider's tokens, with keys that are kept up to date; None where none is named."""
    if settings.oidc_issuer is None:
        yield None
    elif settings.auth == "off":
        log.warning("openid_provider_is_not_asked", issuer=settings.oidc_issuer, reason="BATON_AUTH=off")
        yield None
    else:
        async with Provider(settings.oidc_issuer) as provider:
            yield Tokens(provider, settings)


def is_guarded(settings: DoorSettings) -> bool:
    """Tell whether whoever comes in is asked who they are. Raises `NotStarted` where nothing says so."""
    if settings.auth is None and settings.oidc_issuer is None:
        raise NotStarted(_UNSAID)
    return settings.auth != "off"


def open_door(host: Host, tokens: Tokens | None) -> Door:
    """Return the door. Raises `NotStarted` where nothing says who may come in."""
    settings = host.settings
    guarded = is_guarded(settings)
    if not guarded:
        say = log.info if is_loopback(settings.host) else log.warning  # a laptop's usual state is no trouble
        say("authentication_is_off", listens_on=settings.host)
    hosts = None if guarded and not settings.allowed_hosts else (*settings.allowed_hosts, settings.host)
    neighbourhood = Neighbourhood(hosts, settings.allowed_origins, local=is_loopback(settings.host))
    credentials = Credentials(Keys(host.pool), Tickets(host.pool), tokens) if guarded else None
    return Door(neighbourhood, Limiter(settings.requests_per_second), credentials)
