"""What every web process does on the side: count stations as seen, seal the audit chains, erase what is due.

The spool is swept by :class:`service.uploads.intake.Intake`, which knows what is under way.
"""

import threading
import time
from collections.abc import Callable
from types import TracebackType

import structlog
from sqlalchemy.exc import IntegrityError

from service.accounts.privacy import erase_expired
from service.audit.seal import seal
from service.recap.arrivals import NEVER, mark_arrivals
from service.services import Services

SEEN_EVERY_S, SEAL_EVERY_S, ERASE_EVERY_S = 5.0, 60.0, 24 * 3600.0
_log = structlog.get_logger()


class Housekeeping:
    """A thread that runs the chores until it is left; a chore that fails is logged and tried again next time."""

    def __init__(self, services: Services, hurry: float = 1.0) -> None:
        """Nothing runs yet.

        Args:
            services: the process's services.
            hurry: how many times more often than usual everything is done; for tests.
        """
        self._services = services
        self._hurry = hurry
        self._photos_after = NEVER
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
        due = dict.fromkeys(self._chores(), 0.0)  # at once: a server that is restarted every day erases too
        while not self._stop.wait(SEEN_EVERY_S / self._hurry):
            for name, (every_s, chore) in self._chores().items():
                if time.monotonic() >= due[name]:
                    _guarded(name, chore)
                    due[name] = time.monotonic() + every_s / self._hurry

    def _chores(self) -> dict[str, tuple[float, Callable[[], None]]]:
        return {
            "seen": (SEEN_EVERY_S, self._mark_seen),
            "seal": (SEAL_EVERY_S, self._seal),
            "erase": (ERASE_EVERY_S, self._erase),
        }

    def _mark_seen(self) -> None:
        self._photos_after = mark_arrivals(self._services, self._photos_after)

    def _seal(self) -> None:
        with self._services.store.write() as session:
            seal(session, self._services.now())

    def _erase(self) -> None:
        erase_expired(self._services)


def _guarded(name: str, chore: Callable[[], object]) -> None:
    try:
        chore()
    except IntegrityError:
        pass  # another process sealed at the same moment
    except Exception as error:  # the thread must live: without it nothing is sealed or erased any more
        _log.warning("housekeeping.failed", chore=name, error=type(error).__name__)
