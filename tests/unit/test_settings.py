"""Settings that do not fit are told by name, and a wait for a server by a word now and then."""

import sys

import asyncpg
import pytest
from structlog.testing import capture_logs

from baton_runtime import host, telemetry
from baton_runtime.settings import UnfitSettings, load_settings
from support.services import free_port


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BATON_PORT", "secret"),
        ("BATON_LOG_LEVEL", "secret"),
        ("BATON_LOG_KEY", "secret"),
        ("BATON_DATABASE_URL", "secret"),
        ("BATON_AMQP_URL", "secret"),
        ("BATON_AMQP_URL", "amqp:///secret"),
        ("BATON_STORE_URL", "secret"),
    ],
)
def test_a_wrong_variable_is_named_and_its_value_is_not(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line: it may hold a password."""
    monkeypatch.setenv(name, value)
    with pytest.raises(UnfitSettings) as raised:
        load_settings()
    message = str(raised.value)
    assert name in message
    assert "secret" not in message
    assert "\n" not in message


def test_an_option_takes_the_place_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even of one that does not fit; an option left out does not."""
    monkeypatch.setenv("BATON_PORT", "eighty")
    monkeypatch.setenv("BATON_LOG_LEVEL", "debug")
    settings = load_settings(port=81, log_level=None)
    assert (settings.port, settings.log_level) == (81, "DEBUG")


@pytest.mark.parametrize(("terminal", "level"), [(True, "WARNING"), (False, "INFO")])
def test_a_person_hears_of_trouble_alone(*, terminal: bool, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of JSON about a normal start are for whoever collects logs, not for a terminal."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert telemetry.default_level() == level


async def test_a_server_that_is_not_there_is_not_told_twice_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, and no second time within the seconds of this test; the end names the variable."""
    monkeypatch.setattr(host, "_START_DEADLINE", 1.2)
    with capture_logs() as logs, pytest.raises(host.NotStarted, match="BATON_DATABASE_URL"):
        await host._await_database(f"postgresql://baton@127.0.0.1:{free_port()}/baton")
    assert [entry["event"] for entry in logs] == ["waiting_for_postgresql"]


async def test_a_url_that_cannot_be_read_ends_the_wait_at_once() -> None:
    """Without a piece of the password in the message."""
    with pytest.raises(host.NotStarted, match="BATON_DATABASE_URL") as raised:
        await host._await_database("postgresql://baton:se/cret@127.0.0.1:port/baton")
    assert isinstance(raised.value.__cause__, ValueError | asyncpg.InterfaceError)
    assert "cret" not in str(raised.value)
