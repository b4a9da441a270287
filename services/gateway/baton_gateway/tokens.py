"""Tokens of an OpenID provider."""

from baton_gateway.principal import Principal


class Tokens:
    """Verifies tokens with the provider's keys."""

    async def principal_of(self, given: str) -> Principal | None:
        """Return whose token this is, None where it is none, or no more. Raises `Unavailable`."""
        raise NotImplementedError
