"""Hands waiting jobs to the queue, the most urgent first and never many at once.

The queue itself is first in, first out. It is kept shallow, so that a photo just sent waits behind a handful of others
and not behind a batch of a million.
"""

from collections.abc import Sequence

import structlog
from sqlalchemy import ColumnElement, and_, func, or_, select

from service import faults
from service.jobs.queue import JobQueue, Run
from service.services import Services
from service.store.readings import Job

_log = structlog.get_logger()


class Dispatcher:
    """One per worker; any number of them work side by side."""

    def __init__(self, services: Services, queue: JobQueue, worker_id: str, reader_rev: str, depth: int) -> None:
        """Does nothing yet.

        Args:
            services: the process's services.
            queue: where jobs are handed to.
            worker_id: this worker.
            reader_rev: revision of its reader: it takes only jobs of that one, and those that need no reading.
            depth: jobs that may be in the queue at once by this worker's hand, not counting those that have begun.
        """
        self._services = services
        self._queue = queue
        self._worker_id = worker_id
        self._reader_rev = reader_rev
        self._depth = depth
        self.is_full = False

    def turn(self) -> int:
        """Fills the queue up; returns the number of jobs handed over. ``is_full``: there was no room for what waits.

        Raises:
            sqlalchemy.exc.OperationalError: the database is away; nothing is lost by trying later.
        """
        room = self._room()
        runs = self._take(room) if room > 0 else []
        if runs:
            faults.at("job.taken")
            self._queue.submit(runs)
        return len(runs)

    def _room(self) -> int:
        """How many to take: none without a look at the write lock when nobody waits."""
        queued = and_(Job.state == "queued", Job.worker == self._worker_id)
        with self._services.store.read() as session:
            if session.scalar(select(Job.id).where(*self._ready()).limit(1)) is None:
                self.is_full = False
                return 0
            room = self._depth - (session.scalar(select(func.count()).select_from(Job).where(queued)) or 0)
        self.is_full = room <= 0
        return room

    def _take(self, room: int) -> Sequence[Run]:
        now = self._services.now()
        with self._services.store.write() as session:
            jobs = session.scalars(
                select(Job)
                .where(*self._ready())
                .order_by(Job.priority, Job.created_at, Job.id)
                .limit(room)
                .with_for_update(skip_locked=True)
            ).all()
            for job in jobs:
                job.state, job.worker, job.beat_at = "queued", self._worker_id, now
                job.runs += 1
            return [Run(job.id, job.runs) for job in jobs]

    def _ready(self) -> Sequence[ColumnElement[bool]]:
        return (
            Job.state == "waiting",
            or_(Job.not_before.is_(None), Job.not_before <= self._services.now()),
            or_(Job.reader_rev == self._reader_rev, Job.read_at.is_not(None)),
        )
