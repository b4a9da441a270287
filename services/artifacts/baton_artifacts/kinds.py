"""What kind of file a path names, for whoever reads the summary of a bundle."""

import re
from typing import Final

_DOCUMENTATION: Final = re.compile(r"(?:readme|license|licence|changelog|contributing|notice)(?:\..*)?|.*\.(?:md|rst)")
_TEST: Final = re.compile(r"(?:.*/)?tests?/.*|(?:.*/)?(?:test_[^/]*|[^/]*_test\.\w+|[^/]*\.(?:test|spec)\.\w+)")
_CONFIGURATION: Final = re.compile(
    r"(?:.*\.)?dockerfile(?:\..*)?|makefile|procfile|caddyfile|requirements.*\.txt|\.(?:docker|git)ignore|\.env.*"
    r"|.*\.(?:ya?ml|toml|ini|cfg|conf|json|env|service)"
)


def kind_of(path: str) -> str:
    """Return one of manifest, diagram, documentation, test, configuration and code."""
    path = path.casefold()
    name = path.rpartition("/")[2]
    if path == "baton.json":
        return "manifest"
    if name.endswith(".mmd"):
        return "diagram"
    if _DOCUMENTATION.fullmatch(name):
        return "documentation"
    if _TEST.fullmatch(path):
        return "test"
    return "configuration" if _CONFIGURATION.fullmatch(name) else "code"
