"""Structured logs on stderr: one event a line, ids and codes, no personal data."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from service.settings import Settings

_SECRET_KEYS = frozenset({"token", "password", "phone", "name", "authorization", "cookie", "code_plain"})
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def set_up_logs(settings: Settings) -> None:
    """Turns structlog and the standard library's loggers (uvicorn, dbos, alembic) into one stream of lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide_secrets,
    ]
    for_people = settings.log_format == "console"
    # Plain traces: the pretty ones print local variables, and with them passwords and tokens.
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if for_people
        else structlog.processors.JSONRenderer()
    )
    unpack: list[structlog.typing.Processor] = [] if for_people else [structlog.processors.format_exc_info]
    level = _LEVELS[settings.log_level]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *unpack, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("uvicorn.access", "alembic", "httpx2", "dbos", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for own_handlers in ("uvicorn", "uvicorn.error", "uvicorn.access", "dbos"):
        logger = logging.getLogger(own_handlers)
        logger.handlers[:] = []
        logger.propagate = True


def _hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last line of defence: a secret that somebody logs by mistake is not written."""
    for key in event:
        if key in _SECRET_KEYS:
            event[key] = "***"
    return event
