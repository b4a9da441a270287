"""A real browser for tests: Debian's Chromium, without a screen and without asking anybody but this machine.

It is installed with apt, as root on Debian. Where it is not to be had the tests are skipped in plain words, and under
`CI=true` they fail. Every name leads to this machine, so that pages have any origin that a test likes.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from support import debian
from support.lacking import do_without

_WITHOUT = (
    "NO CHROMIUM: its tests did not run. Install Debian's package chromium (as root on Debian the tests install it "
    "themselves)."
)
_FLAGS = (
    "--headless",
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-popup-blocking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--metrics-recording-only",
    "--host-resolver-rules=MAP * 127.0.0.1",
)
_END_SECONDS = 10


def chromium_program() -> str:
    """Return the browser's path; skip (in CI: fail) where it cannot be installed."""
    found = shutil.which("chromium")
    if found is None and debian.install("chromium"):
        found = shutil.which("chromium")
    if found is None:
        do_without(_WITHOUT)
    return found


@contextlib.contextmanager
def browsing(program: str, url: str) -> Iterator[None]:
    """Show a page for as long as the context lasts; nothing of the browser is left after it."""
    with tempfile.TemporaryDirectory(prefix="baton-chromium-", ignore_cleanup_errors=True) as directory:
        home = {"HOME": directory, "XDG_CONFIG_HOME": directory, "XDG_CACHE_HOME": directory}
        with Path(directory, "log").open("wb") as log:
            browser = subprocess.Popen(
                [program, *_FLAGS, f"--user-data-dir={directory}/profile", url],
                env=os.environ | home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield
        finally:
            _end(browser)


def _end(browser: subprocess.Popen[bytes]) -> None:
    """Kill the browser and all that it has started, which is one process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(browser.pid, signal.SIGKILL)
    browser.wait(_END_SECONDS)
