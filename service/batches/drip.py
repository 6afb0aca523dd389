"""Batches give their photos to the jobs a few at a time, behind everything that was just sent."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import and_, exists, func, select, update
from sqlalchemy.orm import Session

from service.batches.batches import finish_if_over
from service.jobs.reconcile import is_alive
from service.jobs.requests import ask_to_read
from service.jobs.rows import ACTIVE, BATCH
from service.services import Services
from service.store.photos import Photo
from service.store.readings import Batch, BatchItem, Job, Worker

FEW_LIVE: Final = 4
"""Live photos that may wait while a batch goes on; with more of them it gives nothing out."""

PER_WORKER: Final = 16
"""Jobs of batches that may be about at once for each living worker."""

_LOST_AFTER: Final = timedelta(minutes=2)


def drip(services: Services) -> int:
    """Gives out what may be given out now; returns the number of photos. Any number of workers may call it."""
    with services.store.read() as session:
        running = session.scalars(select(Batch.id).where(Batch.state == "running").order_by(Batch.id)).all()
        room = _room(session, services) if running else 0
    given = 0
    for batch_id in running:
        given += _give(services, batch_id, max(0, room - given))
    return given


def _room(session: Session, services: Services) -> int:
    live = select(Job.id).where(Job.state == "waiting", Job.priority < BATCH).limit(FEW_LIVE + 1)
    if len(session.scalars(live).all()) > FEW_LIVE:
        return 0
    workers = session.scalar(select(func.count()).select_from(Worker).where(is_alive(services)))
    busy = session.scalar(select(func.count()).select_from(Job).where(Job.state.in_(ACTIVE), Job.batch_id.is_not(None)))
    return PER_WORKER * max(1, workers or 0) - (busy or 0)


def _give(services: Services, batch_id: str, room: int) -> int:
    now = services.now()
    with services.store.write() as session:
        batch = session.scalars(
            select(Batch).where(Batch.id == batch_id, Batch.state == "running").with_for_update(skip_locked=True)
        ).one_or_none()
        if batch is None:
            return 0
        _take_back_lost(session, batch_id, services)
        minute = session.scalar(
            select(func.count())
            .select_from(BatchItem)
            .where(BatchItem.batch_id == batch_id, BatchItem.queued_at > now - timedelta(minutes=1))
        )
        items = _waiting(session, batch_id, min(room, batch.per_minute - (minute or 0)))
        given = sum(_give_one(session, services, item) for item in items)
        session.flush()
        if not given:
            finish_if_over(session, batch, now)
    return given


def _waiting(session: Session, batch_id: str, limit: int) -> Sequence[BatchItem]:
    """Items to give out; a photo that another batch is reading has its turn here after that."""
    if limit <= 0:
        return ()
    of_another = exists().where(
        Job.photo_id == BatchItem.photo_id,
        Job.state.in_(ACTIVE),
        Job.batch_id.is_not(None),
        Job.batch_id != batch_id,
    )
    return session.scalars(
        select(BatchItem)
        .where(BatchItem.batch_id == batch_id, BatchItem.state == "waiting", ~of_another)
        .order_by(BatchItem.photo_id)
        .limit(limit)
    ).all()


def _give_one(session: Session, services: Services, item: BatchItem) -> int:
    now = services.now()
    photo = session.get_one(Photo, item.photo_id, with_for_update=True, populate_existing=True)
    if photo.state == "withdrawn" or photo.erased_at is not None:
        item.state, item.finished_at = "skipped", now
        item.error = "withdrawn" if photo.state == "withdrawn" else "erased"
        return 1
    job = ask_to_read(session, photo, now, priority=BATCH, batch_id=item.batch_id)
    if job.batch_id is None:  # it was active already, for somebody who does not wait for it by name
        job.batch_id = item.batch_id
    if job.batch_id != item.batch_id:  # another batch was quicker
        return 0
    item.state, item.queued_at = "queued", now
    return 1


def _take_back_lost(session: Session, batch_id: str, services: Services) -> None:
    """Items whose job ended for another reason (replaced by a newer reader's) are given out again."""
    active = exists().where(
        and_(Job.photo_id == BatchItem.photo_id, Job.batch_id == BatchItem.batch_id, Job.state.in_(ACTIVE))
    )
    session.execute(
        update(BatchItem)
        .where(
            BatchItem.batch_id == batch_id,
            BatchItem.state == "queued",
            BatchItem.queued_at < services.now() - _LOST_AFTER,
            ~active,
        )
        .values(state="waiting")
        .execution_options(synchronize_session=False)
    )
