"""The one transaction in which photos become known: photo, receipt, job, history, alarm and audit, or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text, tuple_, update
from sqlalchemy.orm import Session

from ocr_pipeline.revision import reader_revision
from service.access import Actor
from service.audit import Act, append, kecamatan_of
from service.ids import new_id
from service.keys import Keys
from service.photos.alarms import raise_alarm
from service.store.base import Base
from service.store.insert import insert_for
from service.store.photos import Photo, PhotoEvent, Receipt, Upload
from service.store.readings import Job
from service.uploads.checks import Place, is_on_behalf
from service.uploads.claims import Claim
from service.uploads.receipts import sign_receipt, time_text

Key = tuple[str, str, str]
"""Election, station, SHA-256: what makes two photos the same."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A photo whose bytes are safe in the blob store, not yet known to the database.

    Attributes:
        actor: who sent it.
        place: where it belongs.
        claim: what the sender said.
        sha256: of the bytes, as counted here.
        size_bytes: their number.
        format: by the first bytes.
        width_px: from the header, where it says.
        height_px: likewise.
        capture: what the file and the client say about its making.
        received_at: when the last byte was here.
        channel: ``tus``, ``put`` or ``multipart``.
        warnings: what is odd about it.
        upload_id: the resumable upload that ends with this.
    """

    actor: Actor
    place: Place
    claim: Claim
    sha256: str
    size_bytes: int
    format: str
    width_px: int | None
    height_px: int | None
    capture: Mapping[str, Any]
    received_at: datetime
    channel: str
    warnings: Sequence[Mapping[str, Any]] = field(default=())
    upload_id: str | None = None

    @property
    def key(self) -> Key:
        """What makes it the same as another."""
        return (self.place.election_id, self.place.tps, self.sha256)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The receipt of an arrival, and whether this account has it for the first time."""

    receipt: Receipt
    is_new: bool


def record(session: Session, keys: Keys, arrivals: Sequence[Arrival], now: datetime) -> list[Recorded]:
    """Records arrivals within the caller's transaction; in any order, also the same one several times.

    Args:
        session: an open write transaction.
        keys: for the receipts.
        arrivals: what came in.
        now: server time.

    Returns:
        One for each arrival, in the same order.
    """
    firsts = {arrival.key: arrival for arrival in reversed(arrivals)}
    _lock_photos(session, firsts)
    made, photo_ids = _photos(session, firsts)
    receipts, new = _receipts(session, keys, arrivals, photo_ids, frozenset(made))
    _finish_uploads(session, arrivals, receipts, photo_ids)
    acts = _follow_up(session, [firsts[key] for key in made], photo_ids, now)
    acts += _audit(arrivals, receipts, new, photo_ids, frozenset(made))
    append(session, acts, now)
    results, told = [], set()
    for arrival in arrivals:
        owner = (photo_ids[arrival.key], arrival.actor.account_id)
        results.append(Recorded(receipts[owner], owner in new and owner not in told))
        told.add(owner)
    return results


def _lock_photos(session: Session, keys: Iterable[Key]) -> None:
    """On PostgreSQL, makes transactions with the same file wait for each other.

    Otherwise the same photo sent for two stations at one moment through two processes would raise no alarm.
    """
    if session.get_bind().dialect.name == "postgresql":
        names = sorted({f"{election}:{sha256}" for election, _, sha256 in keys})
        session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(CAST(:names AS text[])) name"),
            {"names": names},
        )


def _photos(session: Session, firsts: Mapping[Key, Arrival]) -> tuple[list[Key], dict[Key, str]]:
    """Inserts the photos that are new; returns their keys, and the id of every photo."""
    keys = sorted(firsts)  # in one order, so that two transactions never wait for each other
    rows = [_photo_row(firsts[key]) for key in keys]
    made = _insert_missing(session, Photo, rows, ("election_id", "tps_sent", "sha256"))
    new = {key: row["id"] for key, row in zip(keys, rows, strict=True) if row["id"] in made}
    there = [key for key in keys if key not in new]
    return list(new), new | (_known(session, there) if there else {})


def _known(session: Session, keys: Iterable[Key]) -> dict[Key, str]:
    photo = Photo.__table__.c
    columns = (photo.election_id, photo.tps_sent, photo.sha256)
    rows = session.execute(select(photo.id, *columns).where(tuple_(*columns).in_(list(keys))))
    return {(row.election_id, row.tps_sent, row.sha256): row.id for row in rows}


def _photo_row(arrival: Arrival) -> dict[str, Any]:
    return {
        "id": new_id(),
        "election_id": arrival.place.election_id,
        "tps_sent": arrival.place.tps,
        "tps": arrival.place.tps,
        "kecamatan": arrival.place.kecamatan,
        "sha256": arrival.sha256,
        "size_bytes": arrival.size_bytes,
        "format": arrival.format,
        "width_px": arrival.width_px,
        "height_px": arrival.height_px,
        "page_claimed": arrival.claim.page,
        "page": arrival.claim.page,
        "captured_at": arrival.claim.captured_at,
        "received_at": arrival.received_at,
        "sender_id": arrival.actor.account_id,
        "on_behalf": is_on_behalf(arrival.actor),
        "channel": arrival.channel,
        "replaces": arrival.claim.replaces,
        "state": "received",
        "failure": None,
        "capture": dict(arrival.capture),
        "rev": 1,
    }


def _receipts(
    session: Session, keys: Keys, arrivals: Sequence[Arrival], photo_ids: Mapping[Key, str], made: frozenset[Key]
) -> tuple[dict[tuple[str, str], Receipt], frozenset[tuple[str, str]]]:
    """The receipt of each photo and account, made where there is none; and which were made."""
    wanted = {(photo_ids[a.key], a.actor.account_id): a for a in reversed(arrivals)}
    old = [owner for owner, arrival in wanted.items() if arrival.key not in made]
    found = _known_receipts(session, old) if old else {}
    missing = sorted(owner for owner in wanted if owner not in found)
    if not missing:
        return found, frozenset()
    rows = [_receipt_row(keys, wanted[owner], owner[0]) for owner in missing]
    inserted = _insert_missing(session, Receipt, rows, ("photo_id", "account_id"))
    found |= {(row["photo_id"], row["account_id"]): Receipt(**row) for row in rows if row["id"] in inserted}
    lost = [owner for owner in missing if owner not in found]  # another process was first
    new = frozenset(owner for owner in missing if owner not in lost)
    return found | (_known_receipts(session, lost) if lost else {}), new


def _known_receipts(session: Session, owners: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Receipt]:
    columns = tuple_(Receipt.photo_id, Receipt.account_id)
    rows = session.scalars(select(Receipt).where(columns.in_(list(owners))))
    return {(receipt.photo_id, receipt.account_id): receipt for receipt in rows}


def _receipt_row(keys: Keys, arrival: Arrival, photo_id: str) -> dict[str, Any]:
    receipt_id = new_id()
    body, signature = sign_receipt(
        keys,
        {
            "id": receipt_id,
            "photo": photo_id,
            "sha256": arrival.sha256,
            "size_bytes": arrival.size_bytes,
            "election": arrival.place.election_id,
            "tps": arrival.place.tps,
            "page": arrival.claim.page,
            "received_at": time_text(arrival.received_at),
            "sender": arrival.actor.account_id,
            "on_behalf": is_on_behalf(arrival.actor),
            "warnings": [dict(warning) for warning in arrival.warnings],
        },
    )
    return {
        "id": receipt_id,
        "photo_id": photo_id,
        "account_id": arrival.actor.account_id,
        "received_at": arrival.received_at,
        "body": body,
        "signature": signature,
    }


def _finish_uploads(
    session: Session,
    arrivals: Sequence[Arrival],
    receipts: Mapping[tuple[str, str], Receipt],
    photo_ids: Mapping[Key, str],
) -> None:
    for arrival in arrivals:
        if arrival.upload_id is not None:
            receipt = receipts[photo_ids[arrival.key], arrival.actor.account_id]
            session.execute(
                update(Upload)
                .where(Upload.id == arrival.upload_id)
                .values(state="done", offset_bytes=arrival.size_bytes, receipt_id=receipt.id)
                .execution_options(synchronize_session=False)
            )


def _follow_up(session: Session, made: Sequence[Arrival], photo_ids: Mapping[Key, str], now: datetime) -> list[Act]:
    """Job and history of each new photo, and the alarm where its file is known from another station."""
    if not made:
        return []
    jobs, events = [], []
    for arrival in made:
        photo_id = photo_ids[arrival.key]
        jobs.append(_job_row(photo_id, arrival.received_at))
        events.append(_event_row("sent", photo_id, arrival, tps=arrival.place.tps, page=arrival.claim.page))
        if arrival.claim.replaces is not None:
            events.append(_event_row("replaced", arrival.claim.replaces, arrival))
    _insert_missing(session, Job, jobs, ("id",))
    session.execute(insert(PhotoEvent), events)
    return _same_photo_alarms(session, made, photo_ids, now)


def _job_row(photo_id: str, created_at: datetime) -> dict[str, Any]:
    return {
        "id": f"{photo_id}:{reader_revision()}",
        "photo_id": photo_id,
        "reader_rev": reader_revision(),
        "state": "waiting",
        "priority": 0,
        "tries": 0,
        "created_at": created_at,
    }


def _event_row(
    kind: str, photo_id: str, arrival: Arrival, tps: str | None = None, page: int | None = None
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "photo_id": photo_id,
        "kind": kind,
        "tps_after": tps,
        "page_after": page,
        "account_id": arrival.actor.account_id,
        "at": arrival.received_at,
    }


def _same_photo_alarms(
    session: Session, made: Sequence[Arrival], photo_ids: Mapping[Key, str], now: datetime
) -> list[Act]:
    photo = Photo.__table__.c
    files = {(a.place.election_id, a.sha256) for a in made}
    same = session.execute(
        select(photo.id, photo.tps, photo.election_id, photo.sha256)
        .where(tuple_(photo.election_id, photo.sha256).in_(list(files)))
        .order_by(photo.id)
    ).all()
    if len(same) == len(files):
        return []
    acts: list[Act] = []
    for arrival in made:
        photo_id = photo_ids[arrival.key]
        for other in same:
            if (other.election_id, other.sha256) != (arrival.place.election_id, arrival.sha256):
                continue
            if other.id == photo_id:
                continue
            pair = sorted((photo_id, other.id))
            key = f"same_photo:{pair[0]}:{pair[1]}"
            acts += raise_alarm(
                session,
                "same_photo",
                key,
                arrival.place.election_id,
                arrival.place.tps,
                {"photos": pair},
                now,
                other.tps,
            )
    return acts


def _audit(
    arrivals: Sequence[Arrival],
    receipts: Mapping[tuple[str, str], Receipt],
    new: frozenset[tuple[str, str]],
    photo_ids: Mapping[Key, str],
    made: frozenset[Key],
) -> list[Act]:
    """One act for each receipt made: ``photo.received``, or ``photo.received_again`` from another account."""
    acts, told = [], set()
    for arrival in arrivals:
        photo_id = photo_ids[arrival.key]
        owner = (photo_id, arrival.actor.account_id)
        if owner not in new or owner in told:
            continue
        told.add(owner)
        first = arrival.key in made
        made = made - {arrival.key}
        details: dict[str, Any] = {
            "receipt": receipts[owner].id,
            "sha256": arrival.sha256,
            "size_bytes": arrival.size_bytes,
            "tps": arrival.place.tps,
            "election": arrival.place.election_id,
            "page": arrival.claim.page,
            "channel": arrival.channel,
            "on_behalf": is_on_behalf(arrival.actor),
        }
        if arrival.claim.replaces is not None:
            details["replaces"] = arrival.claim.replaces
        action = "photo.received" if first else "photo.received_again"
        acts.append(Act(action, f"photo:{photo_id}", kecamatan_of(arrival.place.tps), arrival.actor, details=details))
    return acts


def _insert_missing(
    session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]], unique: Sequence[str]
) -> frozenset[str]:
    """Inserts rows whose unique key is not there yet; returns the ids of those that were inserted."""
    statement = insert_for(session, table).on_conflict_do_nothing(index_elements=list(unique))
    return frozenset(session.scalars(statement.returning(table.__table__.c.id), list(rows)))
