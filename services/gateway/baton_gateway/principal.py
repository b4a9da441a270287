"""Who is asking: an actor, what it may do, and whose projects it works on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

GrantedRole = Literal["viewer", "operator", "admin"]
Role = Literal["public", "viewer", "operator", "admin"]
ROLES: Final[tuple[GrantedRole, ...]] = ("viewer", "operator", "admin")
"""Each may do what those before it may."""
DEFAULT_TENANT: Final = "default"
_RANKS: Final[dict[str, int]] = {role: rank for rank, role in enumerate(("public", *ROLES))}


@dataclass(frozen=True, slots=True)
class Principal:
    """An actor, as it stands in the log. Without a `tenant` it is of all of them, which only an admin may be.

    `key_id` is its API key, `expires_at` when its key or token ends.
    """

    actor: str
    tenant: str | None
    role: Role
    key_id: UUID | None = None
    expires_at: datetime | None = None

    @property
    def home(self) -> str:
        """The tenant that its new projects belong to."""
        return self.tenant or DEFAULT_TENANT

    def may(self, role: Role) -> bool:
        """Tell whether it may do what takes a role."""
        return _RANKS[self.role] >= _RANKS[role]


ANYBODY: Final = Principal(actor="anonymous", tenant="", role="public")
"""Whoever asks for what takes no key; there is no tenant of that name."""
OWNER: Final = Principal(actor="user", tenant=None, role="admin")
"""Whoever reaches a gateway that asks nobody who they are: on a laptop, the person at it."""
