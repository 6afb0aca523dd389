"""The same sheet under two stations: found by its handwriting, with a bounded amount of work."""

from collections.abc import Sequence

import structlog
from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from ocr_pipeline.errors import EvidenceError
from ocr_pipeline.recognition.handwriting import SAME_SHEET, handwriting_buckets, likeness, sheet_name
from service.audit import Act
from service.photos.alarms import raise_alarm
from service.services import Services
from service.store.insert import insert_for
from service.store.photos import Photo
from service.store.readings import HandwritingKey, Reading

MAX_CANDIDATES = 200
"""Readings compared at most with a new one, the newest first."""

_log = structlog.get_logger()


def look_for_same(session: Session, services: Services, election_id: str, tps: str, reading: Reading) -> list[Act]:
    """Notes where a reading can be found by its handwriting, and raises an alarm for each station with the same sheet.

    Call it in the transaction that records the reading (or moves its photo), before the audit. Calling it again for
    the same reading changes nothing. Of two readings recorded at once the later one sees the other: on PostgreSQL each
    key is locked until the transaction ends, on SQLite there is one writer.

    Args:
        session: an open write transaction, which the reading's photo row is locked or inserted in.
        services: the process's services.
        election_id: election.
        tps: station that the photo belongs to now.
        reading: with ``fingerprint``, form and page; without them there is nothing to find.

    Returns:
        Audit acts for the caller to append; empty when nothing was raised.
    """
    buckets = _buckets(reading)
    if reading.fingerprint is None or not buckets:
        return []
    session.flush()
    _lock_and_note(session, election_id, buckets, reading.id)
    candidates = _candidates(session, election_id, tps, buckets, reading.photo_id)
    if len(candidates) > MAX_CANDIDATES:
        _log.warning("handwriting.cut", reading=reading.id, compared=MAX_CANDIDATES)
    sha256 = session.scalars(select(Photo.sha256).where(Photo.id == reading.photo_id)).one()
    acts: list[Act] = []
    seen: set[str] = set()
    for row in candidates[:MAX_CANDIDATES]:
        # One file under two stations has an alarm of its own, raised when it arrived.
        if row.photo_id in seen or row.sha256 == sha256:
            continue
        alike = _likeness(reading.fingerprint, row.fingerprint, row.id)
        if alike >= SAME_SHEET:
            seen.add(row.photo_id)
            acts += _raise(session, services, election_id, (tps, reading.photo_id), (row.tps, row.photo_id), alike)
    return acts


def _buckets(reading: Reading) -> Sequence[str]:
    if reading.form_id is None or reading.page is None:
        return ()
    numbers = reading.body.get("numbers") or {}
    values = {field: number["value"] for field, number in numbers.items()}
    return sorted(handwriting_buckets(sheet_name(reading.form_id, reading.page), values))


def _lock_and_note(session: Session, election_id: str, buckets: Sequence[str], reading_id: str) -> None:
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    for bucket in buckets:  # sorted, so that two transactions lock in one order
        if is_postgresql:
            key = func.hashtextextended(f"{election_id}|{bucket}", 0)
            session.execute(select(func.pg_advisory_xact_lock(key)))
        row = {"election_id": election_id, "bucket": bucket, "reading_id": reading_id}
        session.execute(insert_for(session, HandwritingKey).values(row).on_conflict_do_nothing())


def _candidates(
    session: Session, election_id: str, tps: str, buckets: Sequence[str], photo_id: str
) -> Sequence[Row[str, str, bytes | None, str, str]]:
    found = (
        select(HandwritingKey.reading_id)
        .where(HandwritingKey.election_id == election_id, HandwritingKey.bucket.in_(buckets))
        .distinct()
    )
    return session.execute(
        select(Reading.id, Reading.photo_id, Reading.fingerprint, Photo.tps, Photo.sha256)
        .join(Photo, Photo.id == Reading.photo_id)
        .where(
            Reading.id.in_(found),
            Reading.photo_id != photo_id,
            Reading.fingerprint.is_not(None),
            Photo.tps != tps,
            Photo.state != "withdrawn",
        )
        .order_by(Reading.created_at.desc(), Reading.id.desc())
        .limit(MAX_CANDIDATES + 1)
    ).all()


def _likeness(one: bytes, other: bytes, reading_id: str) -> float:
    try:
        return likeness(one, other)
    except EvidenceError as error:  # an old reading that cannot be used must not keep a new one from being recorded
        _log.warning("handwriting.unusable", reading=reading_id, code=error.code)
        return 0.0


def _raise(
    session: Session,
    services: Services,
    election_id: str,
    one: tuple[str, str],
    other: tuple[str, str],
    alike: float,
) -> list[Act]:
    first, second = sorted((one, other), key=lambda place: place[1])
    return raise_alarm(
        session,
        "same_handwriting",
        f"same_handwriting:{first[1]}:{second[1]}",
        election_id,
        first[0],
        {"photos": [first[1], second[1]], "likeness": round(alike, 3)},
        services.now(),
        tps_other=second[0],
    )
