"""What happens to the row of a job: taken, begun, broken, done. All lock the photo first, then the job."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

import service.jobs.problems  # noqa: F401 - registers the codes
from service.audit import Act, append, kecamatan_of
from service.jobs.queue import Run
from service.services import Services
from service.store.photos import Photo
from service.store.readings import BatchItem, Job

LIVE, BATCH = 0, 10
"""Priorities: a photo just sent, and one that is read again."""

ACTIVE = ("waiting", "queued", "running")
LOST_TRIES = 3
"""A photo whose worker vanishes with it (kill, power) fails after this many times ``read_tries`` beginnings."""

_LONGEST_WAIT_S = 60
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Held:
    """A photo and its job, both locked, of a run that is still the newest one."""

    photo: Photo
    job: Job


def hold(session: Session, run: Run) -> Held | None:
    """Locks the photo and the job of a run; ``None`` when the run is an old one or its job is over."""
    photo_id = session.scalar(select(Job.photo_id).where(Job.id == run.job_id))
    if photo_id is None:
        return None
    photo = session.get_one(Photo, photo_id, with_for_update=True, populate_existing=True)
    job = session.get_one(Job, run.job_id, with_for_update=True, populate_existing=True)
    if job.runs != run.run or job.state not in ("queued", "running"):
        return None
    return Held(photo, job)


def begin(services: Services, run: Run, worker_id: str) -> Held | None:
    """Counts a beginning of a reading, in a transaction of its own, so that it is known after any crash.

    Returns:
        The photo and its job (no longer locked), or ``None`` when there is nothing to read: the run is an old one, or
        this was one beginning too many and the photo has failed.
    """
    with services.store.write() as session:
        held = hold(session, run)
        if held is None:
            return None
        job = held.job
        job.state, job.worker, job.beat_at = "running", worker_id, services.now()
        if job.tries >= LOST_TRIES * services.settings.read_tries:
            append(session, fail(session, held, "reader_crashed", services.now()), services.now())
            return None
        job.tries += 1
    return held


def broke(services: Services, run: Run, code: str) -> str:
    """Notes that the photo broke its reader: it is tried again after a while, or has failed."""
    now = services.now()
    with services.store.write() as session:
        held = hold(session, run)
        if held is None:
            return "old"
        held.job.breaks += 1
        if held.job.breaks >= services.settings.read_tries or code == "blob_missing":
            append(session, fail(session, held, code, now), now)
            _log.warning("job.failed", job=run.job_id, code=code)
            return "failed"
        wait_s = min(_LONGEST_WAIT_S, 2**held.job.breaks)
        put_back(held.job, now + timedelta(seconds=wait_s))
    _log.warning("job.again", job=run.job_id, code=code, wait_s=wait_s)
    return "again"


def release(services: Services, run: Run) -> None:
    """Puts a job back because the worker stops; no fault of the photo."""
    with services.store.write() as session:
        held = hold(session, run)
        if held is not None:
            put_back(held.job, None)


def put_back(job: Job, not_before: datetime | None) -> None:
    """Makes a job wait to be handed to the queue again."""
    job.state, job.not_before, job.worker, job.beat_at = "waiting", not_before, None, None


def fail(session: Session, held: Held, code: str, now: datetime) -> list[Act]:
    """Ends a job without a reading. A photo that an earlier revision has read keeps that reading, and its state."""
    photo, job = held.photo, held.job
    job.state, job.error, job.finished_at = "failed", code, now
    if photo.state == "received":
        photo.state, photo.failure = "failed", code
        photo.rev += 1
    finish_item(session, job, "failed", code, now)
    details = {"code": code, "reader": job.reader_rev, "tries": job.tries}
    return [Act("photo.failed", f"photo:{photo.id}", kecamatan_of(photo.tps), None, None, details)]


def finish_item(
    session: Session,
    job: Job,
    state: str,
    error: str | None,
    now: datetime,
    changes: Sequence[dict[str, Any]] = (),
) -> None:
    """Ends the batch's item that asked for this job, if one did."""
    if job.batch_id is None:
        return
    item = session.get(BatchItem, (job.batch_id, job.photo_id), with_for_update=True)
    if item is not None and item.state == "queued":
        item.state, item.error, item.finished_at = state, error, now
        item.changes = list(changes)
