"""What every web process does on the side: seal the audit chains each minute, erase what is due each day.

The spool is swept by :class:`service.uploads.intake.Intake`, which knows what is under way.
"""

import threading
import time
from collections.abc import Callable
from types import TracebackType

import structlog
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from service.accounts.privacy import erase_expired
from service.audit.seal import seal
from service.errors import ServiceError
from service.services import Services

EVERY_S = 60.0
ERASE_EVERY_S = 24 * 3600.0
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
        erase_at = 0.0  # at once: a server that is restarted every day erases too
        while not self._stop.wait(self._every_s):
            _guarded("seal", lambda: _seal(self._services))
            if time.monotonic() >= erase_at:
                _guarded("erase", lambda: erase_expired(self._services))
                erase_at = time.monotonic() + ERASE_EVERY_S


def _guarded(name: str, chore: Callable[[], object]) -> None:
    try:
        chore()
    except IntegrityError:
        pass  # another process sealed at the same moment
    except (SQLAlchemyError, ServiceError, OSError) as error:
        _log.warning("housekeeping.failed", chore=name, error=type(error).__name__)


def _seal(services: Services) -> None:
    with services.store.write() as session:
        seal(session, services.now())
