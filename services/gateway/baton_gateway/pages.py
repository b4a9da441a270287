"""The statements that read lists page by page, each in two forms: of one tenant, and of all.

The form for all asks for every tenant's page; that for one does without what this costs.
"""

import re
from typing import NamedTuple

from baton_gateway.reading import READS


class Pages(NamedTuple):
    """A list's statement, for whoever is of one tenant and for whoever is of all."""

    of_one: str
    of_all: str

    def seen_by(self, tenant: str | None) -> str:
        """Return the statement for whoever is of a tenant (None: of all)."""
        return self.of_all if tenant is None else self.of_one


def pages_of(name: str, order: str) -> Pages:
    """Return both forms of a statement whose first parameter is the tenant; its columns come in an `order`."""
    one = READS[name]
    *_, limit = one.split()
    page = re.sub(r"\$1\b", "shown.tenant", one)
    return Pages(one, READS["of_all_tenants"].format(page=page, order=order, limit=limit))
