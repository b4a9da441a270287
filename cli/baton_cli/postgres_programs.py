"""PostgreSQL's programs, run as a user that they accept and with nothing of the caller's settings.

What a program reports as an error is raised as `EmbeddedPostgresError` with the program's own words.
"""

import os
import subprocess
from dataclasses import dataclass
from typing import IO

from baton_cli import tied_process
from baton_cli.postgres_binaries import Binaries, EmbeddedPostgresError
from baton_cli.postgres_user import Identity


@dataclass(frozen=True)
class Programs:
    """The programs of one installation, and as whom they run."""

    binaries: Binaries
    identity: Identity

    def run(self, program: str, *words: str, seconds: float, text: str = "") -> None:
        """Run one program to its end within `seconds`, feeding it `text`."""
        account = self.identity.account
        try:
            done = subprocess.run(  # noqa: S603  (words of our own making)
                self._command(program, *words),
                input=text,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                cwd="/",
                env=_environment(),
                start_new_session=True,
                user=account.user,
                group=account.group,
                extra_groups=account.extra_groups,
            )
        except subprocess.TimeoutExpired as late:
            raise EmbeddedPostgresError(
                f"PostgreSQL's {program} did not end within {seconds:.0f} s and was stopped: there is no database yet. "
                "Look at the load and the disk of this machine, then start again."
            ) from late
        # A single-user server ends with status 0 even after an error.
        if done.returncode != 0 or "ERROR:" in done.stderr or "FATAL:" in done.stderr:
            raise EmbeddedPostgresError(
                f"PostgreSQL's {program} failed (status {done.returncode}), so there is no database yet:\n"
                f"{done.stderr.strip()}\nMend the cause, then start again."
            )

    def spawn(self, program: str, *words: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start one program that is interrupted when this process dies."""
        command = self._command(program, *words)
        return tied_process.spawn(command, environment=_environment(), output=log, account=self.identity.account)

    def _command(self, program: str, *words: str) -> list[str]:
        return [*self.identity.prefix, *tied_process.tie("INT"), self.binaries.program(program), *words]


def _environment() -> dict[str, str]:
    """Keep PGDATA, PGPORT, LC_ALL and their like, set for other servers, away from this one."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
