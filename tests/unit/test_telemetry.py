"""What is logged shows no secret, whoever logs it, and a long line takes no longer than it should."""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from time import perf_counter

import orjson
import pytest
import structlog
from structlog.typing import WrappedLogger

from baton_runtime import redaction
from baton_runtime.redaction import keep_secret, redact, secrets_of
from baton_runtime.settings import load_settings
from baton_runtime.telemetry import configure_logging

KEY = "baton_0123456789abcdef0123456789abcdef_" + "A-_b" * 10 + "xyz"
TICKET = KEY.replace("baton", "ticket")
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl"  # noqa: S105 - nobody's
PASSWORD = 'p@ss/w:rd "é%'  # noqa: S105 - nobody's
URL = "postgresql://anna:p%40ss%2Fw%3Ard%20%22%C3%A9%25@db.example:5432/baton?sslpassword=of-the-key"
FORGOTTEN = """
async def forget():
    asyncio.create_task(asyncio.to_thread(work))
    await asyncio.sleep(0.2)
    gc.collect()
asyncio.run(forget())
"""
PROGRAM = """
import {imports}
from baton_runtime.settings import load_settings
from baton_runtime.telemetry import configure_logging
configure_logging(load_settings(), "test")
def work():
    raise ValueError("it was {secret}")
{end}
"""


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what other tests kept secret, and what this one does; leave logging as it was."""
    monkeypatch.setattr(redaction, "_known", [])
    for hooked, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(hooked, name, getattr(hooked, name))
    handlers = list(logging.getLogger().handlers)
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.getLogger().handlers[:] = handlers


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"key {KEY}, ticket={TICKET}&x", "key [secret], ticket=[secret]&x"),
        (KEY[:-9], "[secret]"),
        (f'"{TOKEN}"', '"[secret]"'),
        (TOKEN.rpartition(".")[0] + ".", "[secret]"),
        (f"first\\n{TOKEN}", "first\\n[secret]"),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [secret]"),
        ("'basic YW5uYTpzZWNyZXQxMjM='", "'basic [secret]'"),
        ("amqp://anna:a@b!c@mq:5672/", "amqp://anna:[secret]@mq:5672/"),
        ("https://u:@h and http://127.0.0.1:80/x@y", "https://u:@h and http://127.0.0.1:80/x@y"),
        ("baton_agent_runner of baton_deadbeef, eyJust a word, a Bearer token", None),
    ],
)
def test_a_secret_is_known_by_its_form(text: str, shown: str | None) -> None:
    """And what only looks a little like one stays."""
    assert redact(text) == (text if shown is None else shown)


def test_a_password_is_found_however_it_is_written() -> None:
    """Percent-encoded as in its URL, decoded, and as JSON and Python write it."""
    keep_secret([URL])
    encoded = URL.partition("@")[0].rpartition(":")[2]
    forms = (URL, PASSWORD, orjson.dumps([PASSWORD]).decode(), repr(PASSWORD), encoded, "of-the-key")
    for text in forms:
        shown = redact(f"<{text}>")
        assert "[secret]" in shown
        assert not any(piece in shown for piece in ("p@ss", "%40", "of-the")), shown
    assert redact("anna at db.example:5432/baton") == "anna at db.example:5432/baton"


def test_short_values_stay_but_not_in_urls() -> None:
    """Else a database whose password is `baton` would have its logs in shreds."""
    keep_secret(["postgresql://baton:baton@127.0.0.1/baton"])
    assert redact("baton said postgresql://baton:baton@127.0.0.1/baton") == (
        "baton said postgresql://baton:[secret]@127.0.0.1/baton"
    )


def test_variables_with_telling_names_are_secret() -> None:
    telling = {"OPENAI_API_KEY": "1", "AWS_SECRET_ACCESS_KEY": "2", "GITHUB_TOKEN": "3", "PGPASSWORD": "4"}
    assert secrets_of(telling | {"PATH": "5", "KEYBOARD": "6", "TOKENIZERS": "7"}) == ["1", "2", "3", "4"]


def test_no_line_shows_a_setting_that_is_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether we log it or a library does, in a message, in a value or in a traceback; each line is JSON."""
    monkeypatch.setenv("BATON_LOG_KEY", "the-key-that-seals")
    monkeypatch.setenv("BATON_STORE_URL", "s3://id:the-key-of-the-bucket@bucket")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "the-key-of-the-model")
    configure_logging(load_settings(database_url=URL, log_level="DEBUG"), "test")
    log: WrappedLogger = structlog.get_logger("test")
    log.debug("with the-key-that-seals", key="the-key-of-the-model", nested={"url": URL, PASSWORD: [KEY]})
    logging.getLogger("library").error("no %s in %s", TOKEN, "the-key-of-the-bucket")
    try:
        int(f"{URL} {PASSWORD}")
    except ValueError:
        log.exception("failed")
        logging.getLogger("library").exception("failed, too")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert all(orjson.loads(line)["service"] == "test" and "[secret]" in line for line in lines)
    for piece in ("the-key", "p@ss", "p%40ss", KEY, TOKEN):
        assert piece not in "".join(lines)


@pytest.mark.parametrize(
    "end",
    [
        "work()",
        "thread = threading.Thread(target=work)\nthread.start()\nthread.join()",
        "class Odd:\n    __del__ = lambda self: work()\nOdd()",
        FORGOTTEN,
    ],
    ids=["uncaught", "thread", "finaliser", "forgotten task"],
)
def test_an_exception_that_nobody_caught_shows_no_secret(end: str) -> None:
    """Python shows it by itself, past every logger."""
    program = PROGRAM.format(imports="asyncio, gc, threading", secret=TOKEN, end=end)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    assert "ValueError: it was [secret]" in ran.stderr
    assert TOKEN.split(".")[1] not in ran.stderr


@pytest.mark.parametrize(
    "hostile", ["://a:", "eyJaaaaaaaa", "eyJaaaaaaaa.", "baton_" + "a" * 20, "Bearer ", "[secret]"]
)
def test_a_hostile_line_takes_time_in_proportion_to_its_length(hostile: str) -> None:
    """No more than ten times the time for four times the text."""

    def seconds(times: int) -> float:
        text = hostile * times
        return min(_timed(text) for _ in range(5))

    assert seconds(4000) < 10 * seconds(1000) + 0.001


def test_a_usual_line_takes_microseconds(record_property: Callable[[str, object], None]) -> None:
    """20 at the very most, with a dozen secrets to look for."""
    keep_secret([f"a-secret-of-the-environment-{n}" for n in range(12)])
    line = '{"task_id":"0b6d2c0e-6b1c-4b0e-9a53-0d3f9b7f4c55","event":"task_started","url":"http://127.0.0.1:8080"}' * 3
    seconds = min(sum(_timed(line) for _ in range(200)) for _ in range(5)) / 200
    record_property("redaction of a line of 312 characters", f"{seconds * 1e6:.1f} us")
    assert seconds < 20e-6


def _timed(text: str) -> float:
    started = perf_counter()
    redact(text)
    return perf_counter() - started
