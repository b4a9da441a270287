"""The role that services run as: `baton_app` may append and read, and owns nothing (docs/decisions/0004).

It is named in the DSN, so that whatever a process opens has it: pool, appender, leaders, listener. A service whose
login may not take the role (it does not exist, or nobody granted it) keeps the rights of its login, and says so.
"""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
import structlog

from baton_eventlog.database import UNAVAILABLE, close_quietly, connect

log = structlog.get_logger("baton.role")
APP_ROLE: Final = "baton_app"


def with_role(dsn: str, role: str = APP_ROLE) -> str:
    """Return a DSN whose sessions run as a role (asyncpg passes on what it does not know as a session setting)."""
    parts = urlsplit(dsn)
    query = urlencode([*((name, value) for name, value in parse_qsl(parts.query) if name != "role"), ("role", role)])
    return urlunsplit(parts._replace(query=query))


async def app_role(dsn: str) -> str:
    """Return the DSN for services: as `baton_app` where the login may take that role, else as it is.

    To be called once at the start, after the migrations. Raises one of `UNAVAILABLE`.
    """
    connection = None
    try:
        connection = await connect(with_role(dsn, APP_ROLE), name="baton-start")
    except UNAVAILABLE:
        raise
    except asyncpg.PostgresError as error:
        log.warning("services_keep_the_rights_of_their_login", role=APP_ROLE, reason=str(error))
        return dsn
    finally:
        await close_quietly(connection)
    return with_role(dsn, APP_ROLE)
