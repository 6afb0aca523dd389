"""What every web process does on the side, once a minute: clear the spool, seal the audit chains."""

import threading
from collections.abc import Callable
from types import TracebackType

import structlog
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from service.audit.seal import seal
from service.errors import ServiceError
from service.services import Services
from service.uploads.sweep import sweep

EVERY_S = 60.0
_log = structlog.get_logger()


class Housekeeping:
    """A thread that runs the chores until it is left; a chore that fails is logged and tried again next time."""

    def __init__(self, services: Services, every_s: float = EVERY_S) -> None:
        self._services = services
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def __enter__(self) -> "Housekeeping":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            run_chores(self._services)


def run_chores(services: Services) -> None:
    """One round."""
    for name, chore in (("sweep", _sweep), ("seal", _seal)):
        _guarded(name, chore, services)


def _guarded(name: str, chore: Callable[[Services], None], services: Services) -> None:
    try:
        chore(services)
    except IntegrityError:
        pass  # another process sealed at the same moment
    except (SQLAlchemyError, ServiceError, OSError) as error:
        _log.warning("housekeeping.failed", chore=name, error=type(error).__name__)


def _sweep(services: Services) -> None:
    sweep(services)


def _seal(services: Services) -> None:
    with services.store.write() as session:
        seal(session, services.now())
