"""Logs: one JSON object a line on standard error, control characters escaped, no secrets.

What libraries log through `logging` becomes such lines, too. An exception that nobody caught is shown as Python shows
it, after the same redaction.
"""

import logging
import os
import sys
import threading
import traceback
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog
from pydantic import SecretStr

from baton_runtime.redaction import keep_secret, redact, secrets_of
from baton_runtime.settings import Settings

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

_NOISY: Final = ("aiormq", "aiohttp.server")  # tracebacks for what a peer did: a disconnect, a malformed request


def default_level() -> str:
    """Return WARNING where standard error is a terminal, for a person wants to hear of trouble alone; else INFO."""
    return "WARNING" if sys.stderr.isatty() else "INFO"


def configure_logging(settings: Settings, service: str, *, level: str | None = None) -> None:
    """Set up the logs of this process; `service` stands in every line, `level` is for settings that say none."""
    keep_secret([*_secrets_in(settings), *secrets_of(os.environ)])
    level = settings.log_level or level or default_level()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, default=str).decode()),
            _redact_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(service=service)
    _take_over_logging()
    sys.excepthook = _show
    sys.unraisablehook = lambda found: _show(found.exc_type, found.exc_value, found.exc_traceback)
    threading.excepthook = lambda found: _show(found.exc_type, found.exc_value, found.exc_traceback)


def _secrets_in(settings: Settings) -> list[str]:
    found = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    return [*found, settings.store_url] if settings.store_url else found


def _redact_line(_: "WrappedLogger", __: str, line: "EventDict | str") -> str:
    return redact(str(line))


class _Lines(logging.Handler):
    """Makes lines of ours of what libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger(record.name).log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def _take_over_logging() -> None:
    root = logging.getLogger()
    if not any(isinstance(handler, _Lines) for handler in root.handlers):
        root.addHandler(_Lines())
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _show(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None, *_: Any) -> None:  # noqa: ANN401
    """Show an exception that nobody caught."""
    print(redact("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)  # noqa: T201
