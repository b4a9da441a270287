"""Secrets that must show nowhere, and everything that was said, to look for them in.

Each canary has a core of 16 random characters, which is what is looked for: so it does not matter how what is around it
was written, nor whether all of it shows.
"""

import base64
import io
import re
import secrets
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import asyncpg


@dataclass
class Canaries:
    """The secrets of one test by their names."""

    cores: dict[str, str] = field(default_factory=dict)

    def new(self, name: str, form: str = "{}") -> str:
        """Make a secret: `form` with a core in it."""
        self.cores[name] = secrets.token_hex(8)
        return form.format(self.cores[name])

    def know(self, name: str, secret: str) -> str:
        """Take a secret that was made elsewhere; 16 characters near its end are its core. Returns it."""
        self.cores[name] = secret[-20:-4]
        return secret

    def in_(self, said: dict[str, list[bytes]]) -> list[tuple[str, str, str]]:
        """Return which of them are where, and what stands around each."""
        return [
            (name, channel, text[max(0, found.start() - 80) : found.end() + 20])
            for channel, pieces in said.items()
            for text in map(_readable, pieces)
            for name, core in self.cores.items()
            for found in [re.search(re.escape(core), text)]
            if found
        ]


def _readable(piece: bytes) -> str:
    """Return a piece as text, once more without percent-encoding, and with what stands in it as base64."""
    text = piece.decode("utf-8", "replace")
    basic = [base64.b64decode(found + "==") for found in re.findall(r"asic ([\w+/=]{16,})", text)]
    return "\n".join([text, unquote(text), *(one.decode("utf-8", "replace") for one in basic)])


@dataclass
class Said:
    """Everything that somebody outside could read, by the channel that it came through."""

    pieces: dict[str, list[bytes]] = field(default_factory=dict)

    def take(self, channel: str, piece: bytes | str) -> None:
        """Keep a piece."""
        self.pieces.setdefault(channel, []).append(piece.encode() if isinstance(piece, str) else piece)

    def shows(self, channel: str, text: str) -> bool:
        """Tell whether a text came through a channel."""
        return any(text.encode() in piece for piece in self.pieces.get(channel, ()))

    async def ask(self, client: aiohttp.ClientSession, method: str, url: str, **options: Any) -> int:  # noqa: ANN401
        """Send a request, keep all of its answer, and return the status."""
        async with client.request(method, url, **options) as answer:
            head = f"{answer.status} {answer.reason} {dict(answer.headers)}"
            body = await answer.read()
            self.take("answers", head.encode() + b"\n" + body)
            if answer.content_type == "application/zip":
                self.take_zip(body)
            return answer.status

    def take_zip(self, bundle: bytes) -> None:
        """Keep what is in a ZIP."""
        with zipfile.ZipFile(io.BytesIO(bundle)) as opened:
            for name in opened.namelist():
                self.take("ZIP", name.encode() + b"\n" + opened.read(name))

    def take_processes(self) -> None:
        """Keep the command lines of all processes of this machine."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.take("command lines", path.read_bytes().replace(b"\0", b" "))
            except OSError:  # it has ended
                continue

    async def take_tables(self, dsn: str) -> None:
        """Keep every row of every table as text."""
        connection = await asyncpg.connect(dsn)
        try:
            for table in await connection.fetch(
                "SELECT format('%I.%I', schemaname, relname) AS name FROM pg_stat_user_tables"
            ):
                rows = await connection.fetch(f"SELECT t::text AS line FROM {table['name']} t")  # noqa: S608
                self.take("tables", table["name"] + "\n" + "\n".join(row["line"] for row in rows))
        finally:
            await connection.close()
