"""Named statements from `.sql` files: `-- name: load` starts the statement called `load`."""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def load_queries(package: str, file: str) -> Mapping[str, str]:
    """Return the statements of a package's `.sql` file by name."""
    _, *parts = _NAME.split(files(package).joinpath(file).read_text("utf-8"))
    return {name: statement.strip() for name, statement in zip(parts[::2], parts[1::2], strict=True)}


QUERIES: Final = load_queries("baton_eventlog", "queries.sql")
