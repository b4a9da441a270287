"""`baton run`: one idea from here to a ZIP, and all of it shown.

Without a URL the five services are started in this process, on a private data directory that is removed at the end;
what follows is an ordinary client of them. Their logs go to a file, which is kept when something fails.
"""

import asyncio
import contextlib
import shlex
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.text import Text

from baton_cli import bundle, folders
from baton_cli.house import open_house
from baton_cli.interrupt import to_the_end
from baton_cli.lines import Note
from baton_cli.review import Nobody, Person, Reviewer
from baton_cli.screen import Screen, harmless

if TYPE_CHECKING:
    from baton_runtime.settings import Settings

_LOG: Final = "baton-run.log"


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: the idea, where the ZIP goes, and whose services do it."""

    idea: str
    out: Path
    url: str | None = None
    data_dir: Path | None = None
    yes: bool = False


class Errand:
    """One order, and what it needs on this machine."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._screen = Screen()
        self._private: Path | None = None

    async def run(self) -> int:
        """Carry the idea to its ZIP; returns the exit status 0. Raises what `plain` knows, and faults of ours."""
        self._screen.print(Text.assemble(("Baton", "bold"), f": {harmless(self._order.idea)}"))
        folders.make(self._order.out, "--out")
        try:
            with self._screen.open():
                path = await (self._follow(self._order.url) if self._order.url else self._start_and_follow())
        except asyncio.CancelledError:
            goes_on = f"Stopped watching; the project goes on at {self._order.url}."
            self._screen.print(Text(goes_on if self._order.url else "Stopped; nothing is left running."))
            raise
        self._show(path)
        return 0

    def abandon(self) -> None:
        """Leave nothing behind, at once: the process is about to end."""
        self._screen.close()
        if self._private:
            _remove(self._private)

    async def _start_and_follow(self) -> Path:
        self._screen.tell(Note("Starting PostgreSQL and the five services"))
        self._screen.show("starting PostgreSQL and the five services", {})
        async with self._data_directory() as directory:
            from baton_cli.configuration import read_settings  # noqa: PLC0415

            settings = read_settings(host="127.0.0.1", port=0, data_dir=directory)
            if self._private and not settings.database_url:
                settings = settings.model_copy(update={"auth": "off"})  # nobody else's things are there
            with self._logs(settings):
                async with open_house(settings, durable=self._private is None) as house:
                    try:
                        return await house.beside(self._follow(house.url))
                    finally:
                        self._screen.show("stopping the five services and PostgreSQL", {})

    async def _follow(self, url: str) -> Path:
        from baton_cli.client import open_gateway  # noqa: PLC0415 (a third of a second, beside PostgreSQL's start)
        from baton_cli.journey import carry  # noqa: PLC0415

        async with open_gateway(url) as gateway:
            return await carry(gateway, self._screen, self._reviewer(), self._order.idea, self._order.out)

    def _reviewer(self) -> Reviewer:
        if self._order.yes:
            return Nobody("without a review, because of --yes")
        if sys.stdin.isatty() and self._screen.live:
            return Person(self._screen, self._order.out)
        return Nobody("without a review, because nobody is at a terminal")

    @contextlib.asynccontextmanager
    async def _data_directory(self) -> AsyncIterator[Path]:
        """Give the directory of the order, or a private one that is gone afterwards."""
        if self._order.data_dir:
            folders.make(self._order.data_dir, "--data-dir")
            yield self._order.data_dir
            return
        self._private = Path(tempfile.mkdtemp(prefix="baton-"))
        before, tempfile.tempdir = tempfile.tempdir, str(self._private)  # what the services put aside is gone with it
        try:
            yield self._private
        finally:
            tempfile.tempdir = before
            await to_the_end(_remove, self._private)

    @contextlib.contextmanager
    def _logs(self, settings: "Settings") -> Iterator[None]:
        """Send the logs to a file in the data directory; say where they are when something fails."""
        path = settings.data_dir / _LOG
        try:
            with _logging_to(path, settings):
                yield
        except Exception:
            kept = path
            if self._private and path.stat().st_size:
                self._order.out.mkdir(parents=True, exist_ok=True)
                kept = Path(shutil.copy(path, self._order.out / _LOG))
            if kept.stat().st_size:
                print(f"The log of the services is in {kept}", file=sys.stderr)  # noqa: T201
            raise

    def _show(self, path: Path) -> None:
        """Say where the ZIP is, what is in it, and what to try next."""
        from baton_cli.client import root_of  # noqa: PLC0415 (loaded by now)

        self._screen.print(Text.assemble("\n", ("The ZIP is there: ", "bold green"), str(path), "\n"))
        self._screen.print(bundle.tree(path))
        folder = shlex.quote(str(path.with_suffix("")))
        hints = (
            ("unpack it", f"python3 -m zipfile -e {shlex.quote(str(path))} {folder}"),
            ("go there", f"cd {folder}"),
            ("run its tests", "python3 -m unittest"),
            ("start it", "python3 app.py"),
            ("go on there", f"the API is at {root_of(self._order.url)}/api/v1")
            if self._order.url
            else ("keep Baton running", "make up: the API is then at http://127.0.0.1:8080, its pages at /docs"),
        )
        self._screen.print(Text("\nWhat to try next", "bold"))
        for what, command in hints:
            self._screen.print(Text.assemble(f"  {what:<20}", (command, "cyan")))


@contextlib.contextmanager
def _logging_to(path: Path, settings: "Settings") -> Iterator[None]:
    import structlog  # noqa: PLC0415

    from baton_runtime.telemetry import configure_logging  # noqa: PLC0415

    with path.open("w", encoding="utf-8") as file:
        configure_logging(settings, "baton", level="INFO")
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(file))
        try:
            yield
        finally:
            structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def _remove(directory: Path) -> None:
    """Remove a data directory, and what PostgreSQL had to keep elsewhere."""
    shutil.rmtree((directory / "postgres" / "cluster").resolve(), ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)
