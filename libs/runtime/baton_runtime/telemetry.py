"""Logs: one JSON object a line on standard error, control characters escaped, no secrets."""

import logging
import sys

import orjson
import structlog


def default_level() -> str:
    """Return WARNING where standard error is a terminal, for a person wants to hear of trouble alone; else INFO."""
    return "WARNING" if sys.stderr.isatty() else "INFO"


def configure_logging(level: str | None, service: str) -> None:
    """Set up structlog for this process; `service` stands in every line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, default=str).decode()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level or default_level()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(service=service)
    for noisy in ("aiormq", "aiohttp.server"):  # tracebacks for what a peer did: a disconnect, a malformed request
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
