"""Install a Debian package for the tests, without the service that it would start.

Several test workers may ask at once: a lock lets the first install and the others find it done. Debian's own switch
(`policy-rc.d`) keeps the service from starting and is put back as it was; Erlang's name service, which the package's
scripts leave running all the same, is ended.
"""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_POLICY = Path("/usr/sbin/policy-rc.d")
_LOCK = Path(tempfile.gettempdir()) / "baton-tests-apt.lock"
_UPDATE_SECONDS = 180
_INSTALL_SECONDS = 600
_SERVICE_USER = "rabbitmq"


def install(package: str) -> bool:
    """Install `package`, as root on Debian; False where that is not possible, with apt's words on the terminal."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_installed(package):
            return True
        before = _service_processes()
        with _no_services():
            done = _apt("update", seconds=_UPDATE_SECONDS) and _apt(
                "install", "-y", "--no-install-recommends", package, seconds=_INSTALL_SECONDS
            )
        for process_id in _service_processes() - before:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGTERM)
        return done


def _apt(*words: str, seconds: float) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", *words]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    if done.returncode != 0:
        print(done.stderr.decode(errors="replace"))
    return done.returncode == 0


def _is_installed(package: str) -> bool:
    words = ["dpkg-query", "--show", "--showformat=${Status}", package]
    answer = subprocess.run(words, capture_output=True, timeout=30, check=False)
    return answer.stdout.endswith(b" installed")


@contextlib.contextmanager
def _no_services() -> Iterator[None]:
    """Forbid services to start, as long as the context lasts; the machine's own policy is kept aside."""
    aside = _POLICY.with_name("policy-rc.d.baton-tests")
    if _POLICY.exists():
        _POLICY.rename(aside)
    try:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
        if aside.exists():
            aside.rename(_POLICY)


def _service_processes() -> set[int]:
    """Find the processes of the package's own user, which is made by the package and used by nothing else."""
    try:
        user_id = pwd.getpwnam(_SERVICE_USER).pw_uid
    except KeyError:
        return set()
    return {int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _owner(entry) == user_id}


def _owner(entry: Path) -> int | None:
    try:
        return entry.stat().st_uid
    except OSError:
        return None
