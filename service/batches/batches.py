"""Making, pausing, resuming, cancelling and following batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Text, cast, func, insert, literal, select, update
from sqlalchemy.orm import Session

import service.batches.problems  # noqa: F401 - registers the codes
from ocr_pipeline.revision import reader_revision
from service.access import Action, Actor, authorise
from service.audit import NATIONAL, Act, append
from service.batches.filters import BatchFilter, count, matching, read_by_this_reader
from service.errors import ServiceError
from service.ids import new_id
from service.services import Services
from service.store.base import Json
from service.store.photos import Photo
from service.store.readings import Batch, BatchItem, Reading

PER_MINUTE: Final = 600
COMMAND_LINE: Final = "command-line"
"""``created_by`` of a batch made on the server itself."""

_MEASURED: Final = 500
"""Readings from which the time of one photo is estimated."""

OVER: Final = ("done", "cancelled")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a batch would do.

    Attributes:
        photos: that fit the filter.
        to_read: of them to be read anew.
        already_read: of them read by this very reader, which would say the same: only decided again.
        ms_per_photo: median time of reading one, measured on the last readings; ``None`` before the first.
        core_seconds: of one core for all readings.
        least_seconds: that the batch takes at its rate.
        reader_rev: revision of the reader.
    """

    photos: int
    to_read: int
    already_read: int
    ms_per_photo: float | None
    core_seconds: float | None
    least_seconds: float
    reader_rev: str


def preview(session: Session, wanted: BatchFilter, per_minute: int) -> Preview:
    """Counts and cost, without doing anything.

    Raises:
        ServiceError: ``invalid_fields`` for a filter that makes no sense.
    """
    query = _query(session, wanted)
    photos = count(session, query)
    already = count(session, query.where(read_by_this_reader()))
    ms = _ms_per_photo(session)
    to_read = photos - already
    core_seconds = None if ms is None else round(to_read * ms / 1000, 1)
    return Preview(photos, to_read, already, ms, core_seconds, round(photos * 60 / per_minute, 1), reader_revision())


def create(services: Services, actor: Actor | None, wanted: BatchFilter, per_minute: int) -> Batch:
    """Makes a batch of all photos that fit now; the workers do the rest.

    Args:
        services: the process's services.
        actor: who; ``None`` on the server's command line.
        wanted: which photos.
        per_minute: photos at most.

    Raises:
        ServiceError: ``forbidden``, ``foreign_region``, ``invalid_fields``, ``empty_batch``.
    """
    if actor is not None:
        authorise(actor, Action.REPROCESS, wanted.region)
    now = services.now()
    with services.store.write() as session:
        batch = Batch(
            id=new_id(),
            scope=wanted.region,
            filter=wanted.as_json(),
            reader_rev=reader_revision(),
            state="running",
            per_minute=per_minute,
            total=0,
            created_by=COMMAND_LINE if actor is None else actor.account_id,
            created_at=now,
        )
        session.add(batch)
        session.flush()
        batch.total = _add_items(session, batch.id, wanted)
        if batch.total == 0:
            raise ServiceError("empty_batch", details={"filter": wanted.as_json()})
        details = {"photos": batch.total, "filter": wanted.as_json(), "reader": batch.reader_rev}
        append(session, [_act("batch.created", batch, actor, details)], now)
    return batch


def pause(services: Services, actor: Actor | None, batch_id: str) -> Batch:
    """Stops giving photos out; what is being read is finished.

    Raises:
        ServiceError: ``not_found``, ``foreign_region``, ``batch_over``.
    """
    return _set_state(services, actor, batch_id, "paused")


def resume(services: Services, actor: Actor | None, batch_id: str) -> Batch:
    """Goes on where the batch was paused.

    Raises:
        ServiceError: as :func:`pause`.
    """
    return _set_state(services, actor, batch_id, "running")


def cancel(services: Services, actor: Actor | None, batch_id: str) -> Batch:
    """Ends a batch; what was read stays read, the rest is skipped as ``cancelled``.

    Raises:
        ServiceError: as :func:`pause`.
    """
    return _set_state(services, actor, batch_id, "cancelled")


def get(session: Session, actor: Actor | None, batch_id: str) -> Batch:
    """A batch that the actor may see.

    Raises:
        ServiceError: ``not_found``, ``foreign_region``.
    """
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise ServiceError("not_found", details={"batch": batch_id})
    if actor is not None:
        authorise(actor, Action.REPROCESS, batch.scope)
    return batch


def list_batches(session: Session, scope: str, after: str | None, limit: int) -> Sequence[Batch]:
    """Batches within a scope, newest first.

    Args:
        session: a session.
        scope: region-code prefix.
        after: id of the last batch of the page before.
        limit: how many at most.
    """
    query = select(Batch).where(Batch.scope >= scope, Batch.scope < scope + ":").order_by(Batch.id.desc())
    if after is not None:
        query = query.where(Batch.id < after)
    return session.scalars(query.limit(limit)).all()


def progress(session: Session, batch_ids: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    """Items by state (``waiting``, ``queued``, ``done``, ``failed``, ``skipped``) of each batch, zeros left out."""
    rows = session.execute(
        select(BatchItem.batch_id, BatchItem.state, func.count())
        .where(BatchItem.batch_id.in_(batch_ids))
        .group_by(BatchItem.batch_id, BatchItem.state)
    )
    found: dict[str, dict[str, int]] = {batch_id: {} for batch_id in batch_ids}
    for batch_id, state, number in rows:
        found[batch_id][state] = number
    return found


def changed_items(session: Session, batch_id: str, after: str | None, limit: int) -> Sequence[tuple[BatchItem, str]]:
    """Items whose deciding changed a number, with their photo's station, by photo id."""
    query = (
        select(BatchItem, Photo.tps)
        .join(Photo, Photo.id == BatchItem.photo_id)
        .where(BatchItem.batch_id == batch_id, cast(BatchItem.changes, Text) != "[]")
        .order_by(BatchItem.photo_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(BatchItem.photo_id > after)
    return [(item, tps) for item, tps in session.execute(query)]


def finish_if_over(session: Session, batch: Batch, now: datetime) -> bool:
    """Ends a batch, locked by the caller, that has nothing left to do."""
    left = select(BatchItem.photo_id).where(BatchItem.batch_id == batch.id, BatchItem.state.in_(("waiting", "queued")))
    if session.scalar(left.limit(1)) is not None:
        return False
    batch.state, batch.finished_at = "done", now
    batch.rev += 1
    append(session, [_act("batch.done", batch, None, dict(progress(session, [batch.id])[batch.id]))], now)
    return True


def _set_state(services: Services, actor: Actor | None, batch_id: str, state: str) -> Batch:
    now = services.now()
    with services.store.write() as session:
        get(session, actor, batch_id)
        batch = session.get_one(Batch, batch_id, with_for_update=True, populate_existing=True)
        if batch.state in OVER:
            if batch.state == state:
                return batch
            raise ServiceError("batch_over", details={"batch": batch_id, "state": batch.state})
        if batch.state == state:
            return batch
        batch.state = state
        batch.rev += 1
        if state == "cancelled":
            batch.finished_at = now
            session.execute(
                update(BatchItem)
                .where(BatchItem.batch_id == batch_id, BatchItem.state == "waiting")
                .values(state="skipped", error="cancelled", finished_at=now)
            )
        words = {"paused": "batch.paused", "running": "batch.resumed", "cancelled": "batch.cancelled"}
        append(session, [_act(words[state], batch, actor, {})], now)
    return batch


def _query(session: Session, wanted: BatchFilter) -> Any:
    try:
        return matching(session, wanted)
    except ValueError as error:
        raise ServiceError("invalid_fields", details={"filter": str(error)}) from error


def _add_items(session: Session, batch_id: str, wanted: BatchFilter) -> int:
    chosen = _query(session, wanted).subquery()
    rows = select(literal(batch_id), chosen.c.id, literal("waiting"), literal([], Json))
    names = ["batch_id", "photo_id", "state", "changes"]
    session.execute(insert(BatchItem).from_select(names, rows))
    return session.scalar(select(func.count()).select_from(BatchItem).where(BatchItem.batch_id == batch_id)) or 0


def _ms_per_photo(session: Session) -> float | None:
    """Median of the last readings, the parts of a file taken one by one."""
    took = sorted(session.scalars(select(Reading.took_ms).order_by(Reading.id.desc()).limit(_MEASURED)))
    return float(took[len(took) // 2]) if took else None


def _act(action: str, batch: Batch, actor: Actor | None, details: Mapping[str, Any]) -> Act:
    """All batches are told in the national chain: one of them may touch any number of kecamatan."""
    return Act(action, f"batch:{batch.id}", NATIONAL, actor, None, {"scope": batch.scope, **details})
