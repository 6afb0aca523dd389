"""What puts right what a crash left behind. Each part can be run by all workers at once and repeated at any time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import ColumnElement, Select, and_, delete, exists, select, update

from service.jobs.queue import JobQueue, Run
from service.jobs.requests import ask, job_now
from service.jobs.rows import ACTIVE, LIVE, put_back
from service.services import Services
from service.store.photos import Photo
from service.store.readings import Job, Worker

BEAT_S: Final = 5.0
DEAD_AFTER: Final = timedelta(seconds=30)
"""Silence after which a worker's runs are given to others. Should it live after all, a run is done twice: harmless."""

STALE_AFTER: Final = timedelta(seconds=30)
"""Age of a job's last sign from which the queue is asked about it."""

FORGET_AFTER: Final = timedelta(minutes=10)
FORGET_WORKERS_AFTER: Final = timedelta(days=7)
_AT_ONCE: Final = 500
_log = structlog.get_logger()


def beat(services: Services, worker_id: str, reader_rev: str) -> None:
    """Writes a worker's sign of life, its first one too."""
    now = services.now()
    with services.store.write() as session:
        row = session.get(Worker, worker_id)
        if row is None:
            row = Worker(id=worker_id, reader_rev=reader_rev, started_at=now, beat_at=now)
            session.add(row)
        if row.stopped_at is not None:
            row.started_at = now
        row.reader_rev, row.beat_at, row.stopped_at = reader_rev, now, None


def say_stopped(services: Services, worker_id: str) -> None:
    """Notes that a worker ended in good order."""
    with services.store.write() as session:
        session.execute(update(Worker).where(Worker.id == worker_id).values(stopped_at=services.now()))


def reap(services: Services, queue: JobQueue) -> int:
    """Gives what dead workers had begun to the living; returns the number of runs."""
    holders = set(queue.in_flight())
    if not holders:
        return 0
    with services.store.read() as session:
        alive = set(session.scalars(select(Worker.id).where(is_alive(services))))
    dead = holders - alive
    runs = queue.resume_dead(dead) if dead else ()
    if runs:
        _log.warning("jobs.resumed", workers=sorted(dead), runs=len(runs))
    return len(runs)


def put_back_lost(services: Services, queue: JobQueue, worker_id: str | None = None) -> int:
    """Jobs that the queue no longer works on wait again; returns their number.

    The queue may have lost them (its last commits at a power cut, its whole database), or a worker died between
    writing the job's row and handing it over.

    Args:
        services: the process's services.
        queue: is asked about each.
        worker_id: only jobs that this worker had taken, whatever their age: at its start nobody else hands them over.
    """
    query = select(Job).where(Job.state.in_(("queued", "running"))).order_by(Job.id).limit(_AT_ONCE)
    if worker_id is None:
        query = query.where(Job.beat_at < services.now() - STALE_AFTER)
    else:
        query = query.where(Job.worker == worker_id)
    with services.store.read() as session:
        stale = session.scalars(query).all()
        living = set(session.scalars(select(Worker.reader_rev).where(is_alive(services))))
    rev_of = {Run(job.id, job.runs): job.reader_rev for job in stale}
    lost = 0
    for run, state in queue.status(list(rev_of)).items():
        gone = state in ("ended", "unknown") or (state == "foreign" and rev_of[run] not in living)
        lost += _settle(services, run, gone)
    if lost:
        _log.warning("jobs.put_back", jobs=lost)
    return lost


def _settle(services: Services, run: Run, gone: bool) -> int:
    with services.store.write() as session:
        job = session.get(Job, run.job_id, with_for_update=True)
        if job is None or job.runs != run.run or job.state not in ("queued", "running"):
            return 0
        if gone:
            put_back(job, None)
        else:
            job.beat_at = services.now()
    return int(gone)


def supersede(services: Services, reader_rev: str) -> int:
    """Jobs of a reader that no worker has any more are replaced by jobs of this one; returns their number."""
    with services.store.read() as session:
        living = set(session.scalars(select(Worker.reader_rev).where(is_alive(services)))) | {reader_rev}
        found = session.scalars(
            select(Job.id)
            .where(Job.state == "waiting", Job.read_at.is_(None), Job.reader_rev.not_in(living))
            .order_by(Job.id)
            .limit(_AT_ONCE)
        ).all()
    for job_id in found:
        _replace(services, job_id)
    return len(found)


def _replace(services: Services, job_id: str) -> None:
    now = services.now()
    with services.store.write() as session:
        photo_id = session.scalar(select(Job.photo_id).where(Job.id == job_id))
        photo = session.get_one(Photo, photo_id, with_for_update=True)
        old = session.get_one(Job, job_id, with_for_update=True, populate_existing=True)
        if old.state != "waiting":
            return
        old.state, old.error, old.finished_at = "done", "superseded", now
        new = job_now(session, photo, now)
        if new.state not in ACTIVE:
            new.state, new.priority, new.batch_id = "waiting", old.priority, old.batch_id
            new.created_at, new.error, new.finished_at = old.created_at, None, None


def adopt(services: Services) -> int:
    """Photos that wait for a reading without a job get one; returns their number. None are expected."""
    with services.store.read() as session:
        found = session.scalars(_orphans().order_by(Photo.id).limit(_AT_ONCE)).all()
    for photo_id in found:
        with services.store.write() as session:
            photo = session.get_one(Photo, photo_id, with_for_update=True)
            if session.scalar(_orphans().where(Photo.id == photo_id)) is not None:
                ask(session, photo, services.now(), priority=LIVE, batch_id=None)
    if found:
        _log.warning("photos.adopted", photos=len(found))
    return len(found)


def _orphans() -> Select[str]:
    active = exists().where(Job.photo_id == Photo.id, Job.state.in_(ACTIVE))
    return select(Photo.id).where(Photo.state == "received", ~active)


def clean(services: Services, queue: JobQueue) -> int:
    """Deletes what is over from the queue, once our own row says so too; returns the number of runs.

    Workers that were not heard of for a week are forgotten too: in containers every start has a name of its own.
    """
    over = queue.ended(services.now() - FORGET_AFTER, _AT_ONCE)
    with services.store.read() as session:
        rows = session.execute(
            select(Job.id, Job.runs, Job.state).where(Job.id.in_({run.job_id for run in over}))
        ).all()
    busy = {Run(job_id, runs) for job_id, runs, state in rows if state in ("queued", "running")}
    runs: Sequence[Run] = [run for run in over if run not in busy]
    queue.forget(runs)
    with services.store.write() as session:
        session.execute(delete(Worker).where(Worker.beat_at < services.now() - FORGET_WORKERS_AFTER))
    return len(runs)


def is_alive(services: Services) -> ColumnElement[bool]:
    """Whether a worker's row is one of a living worker."""
    return and_(Worker.stopped_at.is_(None), Worker.beat_at >= services.now() - DEAD_AFTER)
