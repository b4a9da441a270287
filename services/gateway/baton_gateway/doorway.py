"""The door as the settings want it."""

import structlog

from baton_gateway.credentials import Credentials
from baton_gateway.door import Door
from baton_gateway.keys import Keys
from baton_gateway.origins import Neighbourhood, is_loopback
from baton_gateway.rate import Limiter
from baton_gateway.tickets import Tickets
from baton_runtime.host import Host, NotStarted

log = structlog.get_logger("baton.doorway")
_UNSAID = (
    "Nothing says who may use this gateway. Set BATON_AUTH=on and make a key with `baton keys create` (or name an OpenID "
    "provider: BATON_OIDC_ISSUER and BATON_OIDC_AUDIENCE). BATON_AUTH=off lets in whoever reaches it."
)


def open_door(host: Host) -> Door:
    """Return the door. Raises `NotStarted` where nothing says who may come in."""
    settings = host.settings
    guarded = settings.auth == "on" or (settings.auth is None and settings.oidc_issuer is not None)
    if settings.auth is None and not guarded:
        raise NotStarted(_UNSAID)
    if not guarded:
        log.warning("authentication_is_off", listens_on=settings.host)
    hosts = None if guarded and not settings.allowed_hosts else (*settings.allowed_hosts, settings.host)
    neighbourhood = Neighbourhood(hosts, settings.allowed_origins, local=is_loopback(settings.host))
    credentials = Credentials(Keys(host.pool), Tickets(host.pool), None) if guarded else None
    return Door(neighbourhood, Limiter(settings.requests_per_second), credentials)
