"""What is away for a while is waited for: no photo fails because the database or the storage did."""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

from service.errors import ServiceError
from service.jobs.reader_pool import ReaderUnavailable
from service.store.engine import is_outage

T = TypeVar("T")
LONGEST_WAIT_S: Final = 60.0
_FIRST_WAIT_S: Final = 0.5
_AWAY: Final = frozenset({"database_away", "storage_away", "disk_full"})
_log = structlog.get_logger()


class Stopping(Exception):
    """The worker stops while something is away; whoever comes next goes on."""


def is_away(error: BaseException) -> bool:
    """Whether the error is nobody's fault and waiting may help."""
    if isinstance(error, ServiceError):
        return error.code in _AWAY
    return isinstance(error, ReaderUnavailable) or is_outage(error)


def patiently(act: Callable[[], T], what: str, stop: threading.Event) -> T:
    """Does something, again and again with growing pauses of at most a minute while what it needs is away.

    Args:
        act: can be repeated.
        what: name for the log.
        stop: set when the worker stops.

    Raises:
        Stopping: the worker stops, and what is needed is still away.
    """
    wait_s = _FIRST_WAIT_S
    while True:
        try:
            return act()
        except Exception as error:
            if not is_away(error):
                raise
            # Not the text of a database error: it carries the statement and its values.
            code = error.code if isinstance(error, ServiceError) else type(error).__name__
            _log.warning("away.waiting", what=what, code=code, wait_s=wait_s)
            if stop.wait(wait_s):
                raise Stopping from error
            wait_s = min(LONGEST_WAIT_S, wait_s * 2)
