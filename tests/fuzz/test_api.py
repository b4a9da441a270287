"""Baton against whoever tries everything that its OpenAPI document allows, and everything that it does not.

schemathesis sends requests that fit and requests that do not, follows links from answer to request, and checks each
answer against the document: status, media type, headers, schema, what is accepted and what is refused.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from support.commands import neutral
from support.services import QUICK, Processes, User, free_port

CASES = int(os.environ.get("BATON_CASES", "12"))
SEED = ("--seed", "1") if CASES == 20 else ()
HERE = Path(__file__).parent
SECONDS = 300 * CASES // 20


@pytest.fixture
def baton(database: str, tmp_path: Path) -> Iterator[str]:
    """Run `baton up` on a database of its own; gives its URL, and expects that nothing went wrong in it."""
    port = free_port()
    settings = {
        "BATON_DATABASE_URL": database,
        "BATON_AMQP_URL": "",
        "BATON_PORT": str(port),
        "BATON_DATA_DIR": str(tmp_path),
    }
    processes = Processes(tmp_path, settings)
    process = processes.start("baton_cli", "up")
    try:
        yield f"http://127.0.0.1:{port}"
        assert process.poll() is None
    finally:
        statuses = processes.stop()
    assert statuses == [0]
    assert [line for line in processes.output().splitlines() if '"level":"error"' in line] == []


@pytest.mark.timeout(SECONDS)
async def test_the_api_does_what_its_document_says(baton: str, tmp_path: Path) -> None:
    """20 cases an operation and phase here, 1,000 with `make fuzz`; a failure is printed with what reproduces it."""
    async with aiohttp.ClientSession() as session:
        user = User(baton, session)
        await user.ready()
        await user.finished(await user.create(workflow_id=QUICK))
        await user.create()
    tried = subprocess.run(
        [
            Path(sys.executable).with_name("st"),
            *("--config-file", HERE / "schemathesis.toml"),
            "run",
            f"{baton}/api/v1/openapi.json",
            *("--max-examples", str(CASES)),
            *SEED,
        ],
        cwd=tmp_path,
        env=neutral() | {"PYTHONPATH": str(HERE.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    print(tried.stdout)
    assert tried.returncode == 0
