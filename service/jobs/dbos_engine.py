"""The job queue on DBOS: the only file that imports it. Recipes and figures: docs/jobs.md.

Each run of a job is one workflow with two steps. DBOS remembers which step was done; what a step changes is our own,
and each step can be repeated. The workflow's id is the run's, so a run handed over twice runs once.
"""

import hashlib
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import Engine, create_engine, event, make_url

from service.jobs.queue import Handler, Run, RunState

QUEUE: Final = "turus-read"
STEPS_VERSION: Final = "1"
"""Changes when the steps of the workflow change: a run that was begun by other steps is not taken over in mid-way."""

POLL_S: Final = 0.2
"""How often the queue is looked at: the throughput is at most concurrency divided by it."""

_PENDING, _ENDED = "PENDING", ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
_SQLITE_WAIT_S: Final = 30

# DBOS is one per process, and so is what its workflows call.
_handler: Handler | None = None


@DBOS.step(name="read")
def _read(job_id: str, run: int) -> bool:
    assert _handler is not None
    return _handler.read(Run(job_id, run))


@DBOS.step(name="decide")
def _decide(job_id: str, run: int) -> str:
    assert _handler is not None
    return _handler.decide(Run(job_id, run))


@DBOS.workflow(name="turus-read")
def _workflow(job_id: str, run: int) -> str:
    return _decide(job_id, run) if _read(job_id, run) else "nothing"


class DbosQueue:
    """See :class:`service.jobs.queue.JobQueue`. One per process."""

    def __init__(
        self, database_url: str, worker_id: str, reader_rev: str, *, concurrency: int, stop_timeout_s: float
    ) -> None:
        """Opens nothing yet.

        Args:
            database_url: where DBOS keeps its tables; an SQLite file is made in WAL mode.
            worker_id: stable name of this worker: after a crash its next start takes its own work up again.
            reader_rev: revision of the reader; workers of another one do not take this one's runs.
            concurrency: runs at once.
            stop_timeout_s: how long :meth:`stop` waits for what runs; longer than the longest photo.
        """
        self._url = make_url(database_url)
        if self._url.drivername == "postgresql":
            self._url = self._url.set(drivername="postgresql+psycopg")
        self._worker_id = worker_id
        self._version = f"{STEPS_VERSION}-{hashlib.sha256(reader_rev.encode()).hexdigest()[:12]}"
        self._concurrency = concurrency
        self._stop_timeout_s = stop_timeout_s
        self._engine: Engine | None = None

    def start(self, handler: Handler) -> None:
        """Connects, makes or migrates DBOS's tables, and begins.

        Raises:
            sqlalchemy.exc.OperationalError: the database cannot be reached.
        """
        global _handler
        _handler = handler
        config: DBOSConfig = {
            "name": "turus",
            "system_database_url": self._url.render_as_string(hide_password=False),
            "executor_id": self._worker_id,
            "application_version": self._version,
            "log_level": "WARNING",
            "sys_db_pool_size": self._concurrency + 4,
            # Nobody waits for a message or an event: no need of threads and connections for them.
            "use_listen_notify": False,
            "scheduler_polling_interval_sec": 3600.0,
        }
        if self._url.get_backend_name() == "sqlite":
            config["system_database_engine"] = self._engine = _sqlite_engine(self._url.render_as_string())
        with _own_logging():
            DBOS(config=config)
            DBOS.listen_queues([QUEUE])
            DBOS.launch()
            DBOS.register_queue(
                QUEUE,
                worker_concurrency=self._concurrency,
                polling_interval_sec=POLL_S,
                on_conflict="always_update",
            )

    def submit(self, runs: Sequence[Run]) -> None:
        """See the protocol."""
        for run in runs:
            with SetWorkflowID(run.id):
                DBOS.enqueue_workflow(QUEUE, _workflow, run.job_id, run.run)

    def status(self, runs: Sequence[Run]) -> Mapping[Run, RunState]:
        """See the protocol."""
        found: dict[Run, RunState] = dict.fromkeys(runs, "unknown")
        if not runs:
            return found
        for each in DBOS.list_workflows(workflow_ids=[run.id for run in runs], load_input=False, load_output=False):
            run = Run.of_id(each.workflow_id)
            if each.status in _ENDED:
                found[run] = "ended"
            elif each.app_version != self._version:
                found[run] = "foreign"
            else:
                found[run] = "running" if each.status == _PENDING else "waiting"
        return found

    def in_flight(self) -> Mapping[str, int]:
        """See the protocol."""
        counts: dict[str, int] = {}
        for each in DBOS.list_workflows(status=_PENDING, queue_name=QUEUE, load_input=False, load_output=False):
            counts[each.executor_id or ""] = counts.get(each.executor_id or "", 0) + 1
        return counts

    def resume_dead(self, workers: Collection[str]) -> Sequence[Run]:
        """See the protocol. Only runs of this version of the code: others would not be taken by anybody here."""
        dead = [worker for worker in workers if worker != self._worker_id]
        if not dead:
            return []
        left = DBOS.list_workflows(
            status=_PENDING,
            executor_id=dead,
            queue_name=QUEUE,
            app_version=self._version,
            load_input=False,
            load_output=False,
        )
        ids = [each.workflow_id for each in left]
        if ids:
            DBOS.resume_workflows(ids, queue_name=QUEUE)
        return [Run.of_id(run_id) for run_id in ids]

    def ended(self, before: datetime, limit: int) -> Sequence[Run]:
        """See the protocol."""
        found = DBOS.list_workflows(
            status=list(_ENDED),
            completed_before=before.isoformat(),
            queue_name=QUEUE,
            limit=limit,
            load_input=False,
            load_output=False,
        )
        return [Run.of_id(each.workflow_id) for each in found]

    def forget(self, runs: Sequence[Run]) -> None:
        """See the protocol."""
        if runs:
            DBOS.delete_workflows([run.id for run in runs])

    def stop(self) -> None:
        """See the protocol."""
        DBOS.destroy(workflow_completion_timeout_sec=max(1, round(self._stop_timeout_s)))
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


def _sqlite_engine(url: str) -> Engine:
    """An engine whose file is in WAL mode: as shipped DBOS does 9 workflows a second, so it does 70.

    ``synchronous=NORMAL`` may lose the last commits when the power fails (never at a kill): then the reconciler hands
    the job over again. The readings and decisions themselves are in the other database, fully synced.
    """
    path = make_url(url).database
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in (
            f"busy_timeout={_SQLITE_WAIT_S * 1000}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return engine


@contextmanager
def _own_logging() -> Iterator[None]:
    """Keeps DBOS from writing to the terminal by itself: what it warns of goes the way of all our logs."""
    logger = logging.getLogger("dbos")
    placeholder = logging.NullHandler()
    logger.addHandler(placeholder)
    try:
        yield
    finally:
        logger.handlers[:] = []
        logger.propagate = True
        logger.setLevel(logging.WARNING)
