"""Is this process well, and how is the work going? Small questions to the database and the storage."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from service import metrics
from service.errors import ServiceError
from service.services import Services
from service.store.migrate import current_revision, newest_revision
from service.store.photos import Photo
from service.store.readings import Job, Worker

ALIVE = timedelta(seconds=30)
"""A worker not heard of for this long counts as gone."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """``parts``: ``ok`` or what is wrong, by part; ``ready`` when uploads can be taken (workers may be away)."""

    ready: bool
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WorkState:
    """How much is waiting, and who is at it."""

    jobs: Mapping[str, int]
    photos: Mapping[str, int]
    oldest_waiting_s: float
    workers_alive: int


def readiness(services: Services) -> Readiness:
    """Asks database and storage; never raises."""
    parts = {"database": _database(services), "storage": _storage(services)}
    return Readiness(all(answer == "ok" for answer in parts.values()), parts)


def work_state(session: Session, now: datetime) -> WorkState:
    """Counts for the metrics and the desk.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database does not answer.
    """
    jobs = session.execute(select(Job.state, func.count()).group_by(Job.state))
    photos = session.execute(select(Photo.state, func.count()).group_by(Photo.state))
    oldest = session.scalar(select(func.min(Job.created_at)).where(Job.state == "waiting", Job.priority == 0))
    alive = session.scalar(
        select(func.count()).where(Worker.beat_at > now - ALIVE, Worker.stopped_at.is_(None)).select_from(Worker)
    )
    waited_s = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
    return WorkState({row[0]: row[1] for row in jobs}, {row[0]: row[1] for row in photos}, waited_s, alive or 0)


def refresh_metrics(services: Services) -> None:
    """Puts the counts into the metrics; a part that does not answer keeps its last figure."""
    try:
        with services.store.read() as session:
            state = work_state(session, services.now())
    except SQLAlchemyError:
        return
    for name in ("waiting", "queued", "running", "done", "failed"):
        metrics.JOBS.labels(name).set(state.jobs.get(name, 0))
    for name in ("received", "read", "failed", "withdrawn"):
        metrics.PHOTOS.labels(name).set(state.photos.get(name, 0))
    metrics.OLDEST_WAIT.set(state.oldest_waiting_s)
    metrics.WORKERS.set(state.workers_alive)
    try:
        free = services.blobs.free_bytes()
    except ServiceError:
        return
    if free is not None:
        metrics.FREE_BYTES.set(free)


def _database(services: Services) -> str:
    try:
        with services.store.read() as session:
            session.execute(text("SELECT 1"))
        found = current_revision(services.store)
    except SQLAlchemyError as error:
        return f"away ({type(error).__name__})"
    return "ok" if found == newest_revision() else f"at revision {found}, needs {newest_revision()}: run turus migrate"


def _storage(services: Services) -> str:
    try:
        services.blobs.check()
    except ServiceError as error:
        return error.code
    return "ok"
