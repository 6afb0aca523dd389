"""How other parts ask for work: decide a photo's stations again, make sure that a photo is read, read it again."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ocr_pipeline.revision import reader_revision
from service.jobs.rows import ACTIVE, LIVE
from service.services import Services
from service.store.photos import Photo
from service.store.readings import Job


def redecide(session: Session, services: Services, photo: Photo) -> None:
    """Has every station that the photo belongs or belonged to decided again; the photo is read if it never was.

    Call it after what changed (moved, withdrawn, restored) has been written to the photo, in the same transaction,
    with the photo's row locked. Work that is under way sees the change by itself, because it locks the photo before
    it decides.

    Args:
        session: an open write transaction.
        services: the process's services.
        photo: the photo, locked.
    """
    ask(session, photo, services.now(), priority=LIVE, batch_id=None)


def ask(session: Session, photo: Photo, now: datetime, *, priority: int, batch_id: str | None) -> Job:
    """Makes the photo's job wait for a worker: the newest one that has read it, else the one of this reader.

    Args:
        session: an open write transaction with the photo's row locked.
        photo: the photo.
        now: server time.
        priority: of the job, unless it is active already and goes first.
        batch_id: batch that asks; a job that is active already is left to whoever asked first.
    """
    jobs = session.scalars(
        select(Job).where(Job.photo_id == photo.id).with_for_update().execution_options(populate_existing=True)
    ).all()
    read = [job for job in jobs if job.read_at is not None]
    job = max(read, key=lambda each: (each.read_at, each.reader_rev), default=None)
    return _wake(session, photo, job or job_now(session, photo, now), now, priority, batch_id)


def ask_to_read(session: Session, photo: Photo, now: datetime, *, priority: int, batch_id: str | None) -> Job:
    """Makes the job of this revision of the reader wait for a worker; it reads unless this revision has read it.

    Args:
        session: an open write transaction with the photo's row locked.
        photo: the photo.
        now: server time.
        priority: of the job, unless it is active already and goes first.
        batch_id: batch that asks; a job that is active already is left to whoever asked first.
    """
    return _wake(session, photo, job_now(session, photo, now), now, priority, batch_id)


def job_now(session: Session, photo: Photo, now: datetime) -> Job:
    """The photo's job of this revision of the reader, locked; made (done with nothing yet) where there is none."""
    reader_rev = reader_revision()
    job = session.get(Job, f"{photo.id}:{reader_rev}", with_for_update=True, populate_existing=True)
    if job is None:
        job = Job(id=f"{photo.id}:{reader_rev}", photo_id=photo.id, reader_rev=reader_rev, state="done", created_at=now)
        job.priority, job.tries, job.breaks, job.runs = LIVE, 0, 0, 0
        session.add(job)
        session.flush()
    return job


def _wake(session: Session, photo: Photo, job: Job, now: datetime, priority: int, batch_id: str | None) -> Job:
    if job.state in ACTIVE:
        job.priority = min(job.priority, priority)
        if job.state == "waiting":
            job.not_before = None
        return job
    job.state, job.priority, job.batch_id = "waiting", priority, batch_id
    job.tries, job.breaks, job.error, job.finished_at, job.not_before = 0, 0, None, None, None
    # Its place in the line is by when it was asked for, not by when the photo was first read.
    job.created_at = now
    session.flush()
    return job
