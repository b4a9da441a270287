"""What the README tells a newcomer to type does what it says."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.services import run_own_tests

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def promised(word: str) -> str:
    """Return the command line of the README that starts with a word, without its comment."""
    found = re.search(rf"^{re.escape(word)}\b[^#\n]*", README, re.MULTILINE)
    assert found, f"the README does not say {word!r}"
    return found.group().strip()


@pytest.mark.skipif(not (ROOT / ".venv/.installed").exists(), reason="not run from the environment that make creates")
def test_the_demo_gives_a_zip_whose_own_tests_pass(tmp_path: Path) -> None:
    """`make demo` as the README has it; only the place of the ZIP is the test's."""
    command = [*promised("make demo").split(), f"OUT={tmp_path}"]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith(("BATON_", "MAKE", "MFLAGS"))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (bundle,) = tmp_path.glob("*.zip")
    assert str(bundle) in ran.stdout
    assert "OK" in run_own_tests(bundle, tmp_path / "unpacked")
