"""Secrets that a client carries: an id, by which the row is found, and 256 random bits, of which we keep the sha256."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

SHORT: Final = 8
"""Digits of an id that tell one from others for a person."""
_BYTES: Final = 32
_FORM: Final = re.compile(r"([0-9a-f]{32})_([A-Za-z0-9_-]{43})")
_LENGTH: Final = 32 + 1 + 43


@dataclass(frozen=True, slots=True)
class Bearer:
    """A secret and the id of its row."""

    id: UUID
    secret: str = field(repr=False)

    @property
    def hash(self) -> bytes:
        """What is kept of the secret: random bits of this number need no salt and no slow hash."""
        return hashlib.sha256(self.secret.encode()).digest()

    def text(self, prefix: str) -> str:
        """Return it as its holder sends it."""
        return f"{prefix}{self.id.hex}_{self.secret}"


def new_bearer() -> Bearer:
    """Return a new one."""
    return Bearer(uuid4(), secrets.token_urlsafe(_BYTES))


def bearer_in(text: str, prefix: str) -> Bearer | None:
    """Return what somebody sent, None where it does not have the form."""
    if len(text) != len(prefix) + _LENGTH or not text.startswith(prefix):
        return None
    found = _FORM.fullmatch(text, len(prefix))
    return Bearer(UUID(found[1]), found[2]) if found else None
