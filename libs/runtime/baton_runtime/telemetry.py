"""Logs: one JSON object a line on standard error, control characters escaped, no secrets."""

import logging
import sys

import orjson
import structlog


def configure_logging(level: str, service: str) -> None:
    """Set up structlog for this process; `service` stands in every line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, default=str).decode()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(service=service)
    for noisy in ("aiormq", "aiohttp.server"):  # tracebacks for what a peer did: a disconnect, a malformed request
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
