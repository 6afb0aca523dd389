"""What there is to know about photos, as plain values: one photo, a list, a photo's history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

import service.photos.problems  # noqa: F401 - registers the codes
from service.access import Action, Actor, authorise
from service.errors import ServiceError
from service.photos.advice import advice, failure_words, reason_words
from service.photos.alarms import below
from service.photos.seen import EventSeen, Explained, HistorySeen, NumberSeen, PartSeen, PhotoSeen, ReadingSeen
from service.store.accounts import Account
from service.store.photos import Photo, PhotoEvent
from service.store.readings import Reading

MAX_HISTORY = 500
"""Events, readings and versions of one photo that are shown at most, the newest."""


@dataclass(frozen=True, slots=True)
class PhotoFilter:
    """Which photos to list.

    Attributes:
        region: region-code prefix of the station they belong to now.
        election_id: one election, or all.
        state: ``received``, ``read``, ``failed`` or ``withdrawn``; ``None``: all.
    """

    region: str
    election_id: str | None = None
    state: str | None = None


def find_photo(session: Session, actor: Actor, photo_id: str, action: Action = Action.SEE_PHOTO) -> Photo:
    """A photo that the actor may see.

    Whoever sent a photo for its own region may go on seeing it after it was moved elsewhere.

    Raises:
        ServiceError: ``not_found``, ``foreign_region``, ``forbidden``.
    """
    photo = session.get(Photo, photo_id)
    if photo is None:
        raise ServiceError("not_found", details={"photo": photo_id})
    is_own = photo.sender_id == actor.account_id and action is Action.SEE_PHOTO
    authorise(actor, action, photo.tps_sent if is_own else photo.tps)
    return photo


def see_photos(session: Session, photos: Sequence[Photo], with_numbers: bool = True) -> list[PhotoSeen]:
    """The photos with their newest readings, in the same order; a few queries however many there are.

    Args:
        session: a session.
        photos: rows.
        with_numbers: also unpack the numbers and the quality, which a list leaves out.
    """
    ids = [photo.id for photo in photos]
    readings = _newest_readings(session, ids, with_numbers)
    senders = select(Account.id, Account.role).where(Account.id.in_({photo.sender_id for photo in photos}))
    roles = {row.id: row.role for row in session.execute(senders)}
    # Several retakes of one photo: the newest counts, so it is the last to be written into the dictionary.
    retakes = select(Photo.replaces, Photo.id).where(Photo.replaces.in_(ids), Photo.state != "withdrawn")
    successors = {row.replaces: row.id for row in session.execute(retakes.order_by(Photo.id))}
    return [
        _see(photo, readings.get(photo.id, []), roles.get(photo.sender_id, ""), successors.get(photo.id))
        for photo in photos
    ]


def list_photos(session: Session, wanted: PhotoFilter, after: str | None, limit: int) -> Sequence[Photo]:
    """Photos, newest first.

    Args:
        session: a session.
        wanted: which.
        after: id of the last photo of the page before.
        limit: how many at most.
    """
    query: Select[Photo] = select(Photo).order_by(Photo.id.desc()).limit(limit)
    if wanted.region:
        query = query.where(below(Photo.tps, wanted.region))
        if len(wanted.region) >= 6:  # the index begins with the kecamatan
            query = query.where(Photo.kecamatan == wanted.region[:6])
    if wanted.election_id is not None:
        query = query.where(Photo.election_id == wanted.election_id)
    if wanted.state is not None:
        query = query.where(Photo.state == wanted.state)
    if after is not None:
        query = query.where(Photo.id < after)
    return session.scalars(query).all()


def see_history(session: Session, photo: Photo) -> HistorySeen:
    """Everything that happened to a photo."""
    events = session.execute(
        select(PhotoEvent, Account.role)
        .outerjoin(Account, Account.id == PhotoEvent.account_id)
        .where(PhotoEvent.photo_id == photo.id)
        .order_by(PhotoEvent.id.desc())
        .limit(MAX_HISTORY)
    ).all()
    readings = session.execute(
        select(*_SHORT, Reading.took_ms)
        .where(Reading.photo_id == photo.id)
        .order_by(Reading.created_at.desc(), Reading.part.desc())
        .limit(MAX_HISTORY)
    ).all()
    return HistorySeen(
        photo=photo.id,
        events=[
            EventSeen(
                kind=event.kind,
                at=event.at,
                role=role,
                tps_before=event.tps_before,
                tps_after=event.tps_after,
                page_before=event.page_before,
                page_after=event.page_after,
                reason=event.reason,
            )
            for event, role in reversed(events)
        ],
        readings=[
            ReadingSeen(
                row.part,
                row.reader_rev,
                row.form_id,
                row.page,
                row.outcome,
                row.reason,
                row.took_ms,
                row.created_at,
            )
            for row in reversed(readings)
        ],
        versions=_versions(session, photo),
    )


def newest_part(session: Session, photo_id: str, part: int | None) -> tuple[int, str] | None:
    """Part and reading id of a page of the newest reading.

    Args:
        session: a session.
        photo_id: photo.
        part: page of a PDF from 1, 0 for a photo, ``None`` for the first there is.

    Returns:
        ``None`` when the photo was never read.

    Raises:
        ServiceError: ``not_found`` when it was read and has no such part.
    """
    rows = _newest_readings(session, [photo_id], with_body=False).get(photo_id, [])
    if not rows:
        return None
    found = next((row for row in rows if part is None or row.part == part), None)
    if found is None:
        raise ServiceError("not_found", details={"photo": photo_id, "parts": [row.part for row in rows]})
    return found.part, found.id


@dataclass(frozen=True, slots=True)
class NumberPlace:
    """Where a number lies in the upright photo.

    Attributes:
        reading_id: the reading that found it there.
        part: page of a PDF from 1; 0 for a photo.
        quad: corners of its boxes as in the reading contract; ``None`` in readings that do not tell.
        words_quad: the same of the line that says it in words; ``None`` where the form has none.
        size_px: width and height of the photo whose pixels these are; ``None`` in readings that do not tell.
    """

    reading_id: str
    part: int
    quad: Sequence[Sequence[float]] | None
    words_quad: Sequence[Sequence[float]] | None
    size_px: tuple[int, int] | None


def newest_number(session: Session, photo_id: str, field: str, part: int | None) -> NumberPlace | None:
    """Where the newest reading of a photo found a number.

    Args:
        session: a session.
        photo_id: photo.
        field: number of the form.
        part: page of a PDF from 1, 0 for a photo, ``None`` for the first that has it.

    Returns:
        ``None`` when the photo was never read, or shows no such number there.
    """
    for row in _newest_readings(session, [photo_id], with_body=True).get(photo_id, []):
        number = (row.body.get("numbers") or {}).get(field)
        if number is not None and part in (None, row.part):
            quads = number.get("quad_photo"), number.get("words_quad_photo")
            size_px = row.body.get("size_px")
            return NumberPlace(row.id, row.part, *quads, None if size_px is None else tuple(size_px))
    return None


_SHORT = (
    Reading.id,
    Reading.photo_id,
    Reading.part,
    Reading.reader_rev,
    Reading.form_id,
    Reading.form_rev,
    Reading.page,
    Reading.outcome,
    Reading.reason,
    Reading.sharpness,
    Reading.px_per_box,
    Reading.created_at,
)


def _newest_readings(session: Session, ids: Sequence[str], with_body: bool) -> Mapping[str, list[Row[Any]]]:
    """By photo, the rows of the reader revision that read it last, by part."""
    if not ids:
        return {}
    columns = (*_SHORT, Reading.body) if with_body else _SHORT
    # One revision writes all parts of a file at once, so the revision of the newest row is the newest revision.
    newest = select(
        Reading.photo_id,
        Reading.reader_rev,
        func.row_number()
        .over(partition_by=Reading.photo_id, order_by=(Reading.created_at.desc(), Reading.id.desc()))
        .label("place"),
    ).where(Reading.photo_id.in_(ids))
    chosen = newest.subquery()
    query = (
        select(*columns)
        .join(
            chosen,
            (chosen.c.photo_id == Reading.photo_id)
            & (chosen.c.reader_rev == Reading.reader_rev)
            & (chosen.c.place == 1),
        )
        .order_by(Reading.photo_id, Reading.part)
    )
    found: dict[str, list[Row[Any]]] = {}
    for row in session.execute(query):
        found.setdefault(row.photo_id, []).append(row)
    return found


def _see(photo: Photo, rows: Sequence[Row[Any]], sender_role: str, replaced_by: str | None) -> PhotoSeen:
    outcome, reason = _overall(rows)
    seen = next((row for row in rows if row.outcome != "rejected"), rows[0] if rows else None)
    return PhotoSeen(
        id=photo.id,
        election=photo.election_id,
        tps=photo.tps,
        tps_sent=photo.tps_sent,
        page_claimed=photo.page_claimed,
        page=photo.page,
        page_read=seen.page if seen else None,
        form=seen.form_id if seen else None,
        state=photo.state,
        failure=Explained(photo.failure, failure_words(photo.failure)) if photo.failure else None,
        outcome=outcome,
        reason=_explained(reason),
        advice=advice(photo.state, outcome, reason, replaced_by is not None, photo.erased_at is not None),
        sha256=photo.sha256,
        size_bytes=photo.size_bytes,
        format=photo.format,
        width_px=photo.width_px,
        height_px=photo.height_px,
        captured_at=photo.captured_at,
        received_at=photo.received_at,
        read_at=seen.created_at if seen else None,
        reader_rev=seen.reader_rev if seen else None,
        sender_role=sender_role,
        on_behalf=photo.on_behalf,
        channel=photo.channel,
        replaces=photo.replaces,
        replaced_by=replaced_by,
        erased_at=photo.erased_at,
        rev=photo.rev,
        parts=[_part(row) for row in rows],
        numbers=[number for row in rows for number in _numbers(row)],
    )


def _overall(rows: Sequence[Row[Any]]) -> tuple[str | None, str | None]:
    """Outcome of a whole file: a PDF is as good as its readable pages, and refused only when all of them are."""
    kept = [row.outcome for row in rows if row.outcome != "rejected"]
    if not rows:
        return None, None
    if not kept:
        return "rejected", rows[0].reason
    return ("accepted" if all(outcome == "accepted" for outcome in kept) else "review"), None


def _explained(reason: str | None) -> Explained | None:
    return Explained(reason, reason_words(reason)) if reason else None


def _part(row: Row[Any]) -> PartSeen:
    quality = (row.body.get("quality") if hasattr(row, "body") else None) or {}
    return PartSeen(
        part=row.part,
        form=row.form_id,
        form_rev=row.form_rev,
        page=row.page,
        outcome=row.outcome,
        reason=_explained(row.reason),
        sharpness=row.sharpness,
        px_per_box=row.px_per_box,
        coverage=quality.get("coverage"),
    )


def _numbers(row: Row[Any]) -> list[NumberSeen]:
    numbers = (row.body.get("numbers") if hasattr(row, "body") else None) or {}
    return [
        NumberSeen(
            part=row.part,
            field=field,
            value=number["value"],
            as_written=number["as_written"],
            p=number["p"],
            decision=number["decision"],
            why=number["why"],
            has_words=number.get("words_quad_photo") is not None,
        )
        for field, number in numbers.items()
    ]


def _versions(session: Session, photo: Photo) -> list[str]:
    """The chain of retakes that this photo is in, oldest first."""
    base = select(Photo.id, Photo.replaces).where(Photo.id == photo.id).cte("older", recursive=True)
    older = base.union(select(Photo.id, Photo.replaces).join(base, Photo.id == base.c.replaces))
    first = select(Photo.id).where(Photo.id == photo.id).cte("newer", recursive=True)
    newer = first.union(select(Photo.id).join(first, Photo.replaces == first.c.id))
    ids = {*session.scalars(select(older.c.id)), *session.scalars(select(newer.c.id))}
    return sorted(ids)[-MAX_HISTORY:]
