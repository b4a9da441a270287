"""Child processes that live no longer than their owner, and that a Ctrl-C at the terminal does not reach.

A child gets a session of its own, so its owner alone hears the Ctrl-C and then stops it in good order. Where `setpriv`
knows how, the kernel signals the child when its owner dies, however it dies; elsewhere it stays behind, and whoever
starts next must look for it. The kernel watches the thread that started the child, so each child has a thread that
waits with it until its end.
"""

import functools
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import IO

_PROBE_SECONDS = 10.0


@dataclass(frozen=True)
class Account:
    """The arguments of `subprocess.Popen` that change who the child is; None leaves it the caller.

    uvloop's subprocesses do not know them: take the plain ones.
    """

    user: int | None = None
    group: int | None = None
    extra_groups: tuple[int, ...] | None = None


OURSELVES = Account()


@functools.cache
def tie(death_signal: str) -> tuple[str, ...]:
    """Give the words before a command that have it signalled (`INT`, `KILL`) when its owner dies; none if unknown here.

    They stand after whatever changes the user: the kernel forgets the signal when a process changes its credentials.
    """
    words = ("setpriv", "--pdeathsig", death_signal, "--")
    return words if runs(*words, "true") else ()


def runs(*command: str, account: Account = OURSELVES) -> bool:
    """Tell whether a short command ends with status 0 within 10 s."""
    try:
        done = subprocess.run(  # noqa: S603  (words of our own making)
            command,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
            cwd="/",
            user=account.user,
            group=account.group,
            extra_groups=account.extra_groups,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def spawn(
    command: Sequence[str], *, environment: Mapping[str, str], output: IO[bytes], account: Account = OURSELVES
) -> subprocess.Popen[bytes]:
    """Start a child that writes to `output`; `OSError` when it cannot be started."""
    started: Future[subprocess.Popen[bytes]] = Future()

    def keep() -> None:
        try:
            process = subprocess.Popen(  # noqa: S603  (words of our own making)
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=environment,
                start_new_session=True,
                user=account.user,
                group=account.group,
                extra_groups=account.extra_groups,
            )
        except BaseException as error:  # noqa: BLE001  (raised where the result is awaited)
            started.set_exception(error)
            return
        started.set_result(process)
        process.wait()

    threading.Thread(target=keep, name=f"keeps {command[-1]}", daemon=True).start()
    return started.result()


def end(process: subprocess.Popen[bytes], steps: Sequence[tuple[int, float]]) -> None:
    """Send each signal in turn and wait its seconds, until the process has ended."""
    for step, seconds in steps:
        process.send_signal(step)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return
