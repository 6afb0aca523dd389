"""A worker process: a queue, reader processes, and a loop that hands out jobs and puts right what went wrong."""

import fcntl
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import structlog
from sqlalchemy import select

from ocr_pipeline.revision import reader_revision
from service.batches.drip import drip
from service.errors import ServiceError
from service.jobs import reconcile
from service.jobs.deciding import decide_photo
from service.jobs.dispatcher import Dispatcher
from service.jobs.patience import Stopping, is_away, patiently
from service.jobs.queue import JobQueue, Run
from service.jobs.reader_pool import PROGRAM, ReaderPool
from service.jobs.reading import Tools, read_photo
from service.jobs.rows import ACTIVE, broke, release
from service.services import Services
from service.store.readings import Batch, Job

T = TypeVar("T")
TURN_S, FULL_S = 0.2, 0.5
"""Pause of the loop: what it may cost a photo that finds the queue empty; and while the queue is full."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Options:
    """How a worker runs.

    Attributes:
        worker_id: stable name, see :func:`own_name`.
        readers: photos read at once.
        until_idle: end when there is no work left, instead of waiting for more.
        program: command line of the reader processes; tests put another in.
    """

    worker_id: str
    readers: int
    until_idle: bool = False
    program: Sequence[str] = PROGRAM


class Steps:
    """What the queue calls. Nothing raised by a photo or by what is away ever reaches it."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def read(self, run: Run) -> bool:
        """See :class:`service.jobs.queue.Handler`."""
        return self._guarded(run, lambda: read_photo(self._tools, run), False)

    def decide(self, run: Run) -> str:
        """See :class:`service.jobs.queue.Handler`."""
        return self._guarded(run, lambda: decide_photo(self._tools, run), "again")

    def _guarded(self, run: Run, step: Callable[[], T], otherwise: T) -> T:
        services, stop = self._tools.services, self._tools.stop
        try:
            return step()
        except Stopping:
            self._try_to(lambda: release(services, run), run)
        except Exception as error:
            # A fault of ours: the photo is tried a few times more (another version may be running by then).
            _log.error("job.fault", job=run.job_id, exc_info=error)
            self._try_to(lambda: patiently(lambda: broke(services, run, "reading_fault"), "job", stop), run)
        return otherwise

    def _try_to(self, act: Callable[[], object], run: Run) -> None:
        """Writes to the job's row if that can be done now; if not, the reconciler finds it."""
        try:
            act()
        except Exception as error:
            _log.warning("job.left", job=run.job_id, error=type(error).__name__)


def run_worker(
    services: Services, queue: JobQueue, options: Options, stop: threading.Event, readers: ReaderPool | None = None
) -> None:
    """Works until ``stop`` is set, then lets what runs finish.

    Args:
        services: the process's services.
        queue: not started yet.
        options: how.
        stop: set by a signal handler.
        readers: reader processes to use, and to close; by default it starts its own.
    """
    rev = reader_revision()
    patiently(lambda: reconcile.beat(services, options.worker_id, rev), "database", stop)
    readers = readers or ReaderPool(
        options.readers, services.settings.read_timeout_s, reader_program(options, services)
    )
    tools = Tools(services, readers, options.worker_id, stop)
    try:
        queue.start(Steps(tools))
        with _quietly("own"):
            reconcile.put_back_lost(services, queue, options.worker_id)
        _log.info("worker.started", worker=options.worker_id, readers=options.readers, reader=rev)
        try:
            _loop(services, queue, options, rev, stop)
        finally:
            stop.set()
            queue.stop()
    finally:
        readers.close()
        with _quietly("worker.stop"):
            reconcile.say_stopped(services, options.worker_id)
    _log.info("worker.stopped", worker=options.worker_id)


def reader_program(options: Options, services: Services) -> Sequence[str]:
    """The command line of a reader that knows the same forms as this process."""
    folder = services.settings.forms_dir
    return options.program if folder is None else (*options.program, "--forms", str(folder.resolve()))


def concurrency(readers: int) -> int:
    """Runs at once: more than readers, so that one waits ready while another is recorded or decided."""
    return 2 * readers + 2


def _loop(services: Services, queue: JobQueue, options: Options, rev: str, stop: threading.Event) -> None:
    dispatcher = Dispatcher(services, queue, options.worker_id, rev, depth=2 * concurrency(options.readers))
    chores = _chores(services, queue, options.worker_id, rev)
    due = dict.fromkeys(chores, 0.0)
    while not stop.is_set():
        for name, (every_s, chore) in chores.items():
            if time.monotonic() >= due[name]:
                with _quietly(name):
                    chore()
                due[name] = time.monotonic() + every_s
        taken = 0
        with _quietly("dispatch"):
            taken = dispatcher.turn()
        if options.until_idle and not taken and _is_idle(services):
            return
        stop.wait(FULL_S if dispatcher.is_full else TURN_S)


def _chores(
    services: Services, queue: JobQueue, worker_id: str, rev: str
) -> dict[str, tuple[float, Callable[[], object]]]:
    """Name -> (seconds between two, what); all are done at the start too."""
    return {
        "beat": (reconcile.BEAT_S, lambda: reconcile.beat(services, worker_id, rev)),
        "reap": (10.0, lambda: reconcile.reap(services, queue)),
        "put_back": (10.0, lambda: reconcile.put_back_lost(services, queue)),
        "supersede": (30.0, lambda: reconcile.supersede(services, rev)),
        "adopt": (30.0, lambda: reconcile.adopt(services)),
        "batches": (1.0, lambda: drip(services)),
        "clean": (300.0, lambda: reconcile.clean(services, queue)),
    }


def _is_idle(services: Services) -> bool:
    with _quietly("idle"), services.store.read() as session:
        busy = session.scalar(select(Job.id).where(Job.state.in_(ACTIVE)).limit(1))
        return busy is None and session.scalar(select(Batch.id).where(Batch.state == "running").limit(1)) is None
    return False


@contextmanager
def _quietly(what: str) -> Iterator[None]:
    """A chore that fails is tried again at its next turn; what is away is no news for the log at every tenth second."""
    try:
        yield
    except Exception as error:
        if is_away(error):
            code = error.code if isinstance(error, ServiceError) else type(error).__name__
            _log.warning("away.chore", what=what, code=code)
        else:
            _log.error("chore.failed", what=what, exc_info=error)


@contextmanager
def own_name(services: Services, slot: int | None) -> Iterator[str]:
    """This worker's name, which is the same after a restart: host and slot. No other worker here can have it.

    Args:
        services: locks live in their data folder.
        slot: from 1; ``None`` takes the first that is free.

    Raises:
        ServiceError: ``worker_runs``: the slot is taken by a worker that runs.
    """
    folder = services.settings.data_dir / "workers"
    folder.mkdir(parents=True, exist_ok=True)
    for number in [slot] if slot is not None else range(1, 1000):
        with (folder / f"{number}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            yield f"{socket.gethostname()[:50]}-{number}"
            return
    raise ServiceError("worker_runs", details={"slot": slot, "pid": os.getpid()})
