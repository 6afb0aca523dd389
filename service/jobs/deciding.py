"""The second step of a run: the stations that its photo touches are decided from what is recorded."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from ocr_pipeline.revision import reader_revision
from service import faults
from service.audit import Act, append
from service.decisions.record import NumberChange, record_machine
from service.ids import new_id
from service.jobs.pages import CountingPage, counting_pages, decide_pages
from service.jobs.patience import patiently
from service.jobs.queue import Run
from service.jobs.reading import Tools
from service.jobs.rows import Held, finish_item, hold
from service.photos.alarms import raise_alarm
from service.recap.apply import apply_station
from service.services import Services
from service.store.photos import Photo, PhotoEvent
from service.store.readings import Job, Reading, StationReading
from service.store.regions import Election

_log = structlog.get_logger()


def decide_photo(tools: Tools, run: Run) -> str:
    """Decides every station that the photo belongs or ever belonged to, and ends the job, which it can do only once.

    Returns:
        ``done``, or ``old`` when the run is not the newest one.

    Raises:
        Stopping: the worker stops while the database is away.
    """
    faults.at("decide.before")
    outcome: str | None = None
    while outcome is None:
        others = patiently(lambda: _places(tools.services, run), "database", tools.stop)
        for election_id, tps in others:
            patiently(lambda: decide_station_now(tools.services, election_id, tps), "database", tools.stop)  # noqa: B023
        outcome = patiently(lambda: _decide_and_end(tools.services, run, others), "database", tools.stop)  # noqa: B023
    faults.at("job.before_done")
    return outcome


def decide_station_now(services: Services, election_id: str, tps: str) -> bool:
    """Decides one station from its recorded readings; a repeat with the same readings changes nothing.

    Returns:
        Whether there was anything new.
    """
    with services.store.write() as session:
        lock_station(session, election_id, tps)
        return decide_tps(session, services, election_id, tps).is_new


def lock_station(session: Session, election_id: str, tps: str) -> None:
    """Lets one transaction decide a station at a time, so that of two pages that end at once the later sees both.

    On SQLite every write transaction holds that lock already.
    """
    if session.get_bind().dialect.name == "postgresql":
        key = func.hashtextextended(f"station/{election_id}/{tps}", 0)
        session.execute(select(func.pg_advisory_xact_lock(key)))


@dataclass(frozen=True, slots=True)
class Decided:
    """What deciding a station did: whether its readings were other ones than last time, and which numbers changed."""

    is_new: bool
    changes: Sequence[NumberChange]


def decide_tps(session: Session, services: Services, election_id: str, tps: str, acts: Sequence[Act] = ()) -> Decided:
    """Decides a station and records what is new; the station must be locked, see :func:`lock_station`.

    Args:
        session: an open write transaction; nothing may be locked after this, for it ends with the audit.
        services: the process's services.
        election_id: election.
        tps: station.
        acts: further events for the audit.
    """
    session.flush()
    election = session.get_one(Election, election_id)
    pages = [page for page in counting_pages(session, election_id, tps) if page.reading.form_id in election.forms]
    before = session.scalars(
        select(StationReading)
        .where(StationReading.election_id == election_id, StationReading.tps == tps)
        .order_by(StationReading.seq)
    ).all()
    content = _content(pages)
    if before[-1].body["content"] == content if before else not pages:
        # No reading is new, but a photo may be the first or the last that the station had.
        apply_station(session, election_id, tps, services.now())
        append(session, acts, services.now())
        return Decided(False, ())
    reading = StationReading(
        id=new_id(),
        election_id=election_id,
        tps=tps,
        seq=len(before) + 1,
        inputs=_inputs(content, before),
        reader_rev=reader_revision(),
        created_at=services.now(),
    )
    station = decide_pages(election.forms, pages)
    reading.form_id, reading.verdict = station.form_id, station.decoded.verdict
    reading.body = {**station.body, "content": content}
    session.add(reading)
    session.flush()
    acts = [*acts, *_damage_alarms(session, services, station.damaged)]
    changes = record_machine(
        session, services, election_id, tps, reading, station.decoded, photos=station.photos, acts=acts
    )
    return Decided(True, changes)


def _content(pages: Sequence[CountingPage]) -> str:
    """Hash of everything that the decision rests on."""
    inputs = [[page.reading.id, page.disputed, *(reading.id for reading in page.earlier)] for page in pages]
    parts = [reader_revision(), inputs]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _inputs(content: str, before: Sequence[StationReading]) -> str:
    """The content with the number of times the station had it before: it comes back when a photo is restored."""
    times = sum(each.body["content"] == content for each in before)
    return hashlib.sha256(f"{content}/{times}".encode()).hexdigest()


def _places(services: Services, run: Run) -> Sequence[tuple[str, str]]:
    """Stations that the photo belonged to before, in code order; its present one is decided with the job's end."""
    with services.store.read() as session:
        photo = session.scalars(select(Photo).join(Job, Job.photo_id == Photo.id).where(Job.id == run.job_id)).one()
        return _other_places(session, photo)


def _other_places(session: Session, photo: Photo) -> Sequence[tuple[str, str]]:
    moved = session.execute(
        select(PhotoEvent.tps_before, PhotoEvent.tps_after).where(
            PhotoEvent.photo_id == photo.id,
            or_(PhotoEvent.tps_before.is_not(None), PhotoEvent.tps_after.is_not(None)),
        )
    ).all()
    places = {photo.tps_sent} | {tps for row in moved for tps in row if tps is not None}
    return [(photo.election_id, tps) for tps in sorted(places - {photo.tps})]


def _decide_and_end(services: Services, run: Run, others: Sequence[tuple[str, str]]) -> str | None:
    """Ends the job; ``None``, and nothing done, when the photo was moved since its other stations were decided.

    Whoever moves a photo whose job runs leaves the deciding to that run, so it must see the move.
    """
    now = services.now()
    with services.store.write() as session:
        held = hold(session, run)
        if held is None:
            return "old"
        photo, job = held.photo, held.job
        if _other_places(session, photo) != others:
            return None
        lock_station(session, photo.election_id, photo.tps)
        if job.read_at is not None and photo.state in ("received", "failed"):
            photo.state, photo.failure = "read", None
            photo.rev += 1
        job.state, job.error, job.finished_at = "done", _why_unread(held), now
        decided = decide_tps(session, services, photo.election_id, photo.tps, _page_alarm(session, held, services))
        # After the audit's locks, but nobody else touches this row while the job is ours.
        _finish_item(session, held, decided.changes, services)
        faults.at("decide.before_commit")
    faults.at("decide.committed")
    _log.info("job.done", job=run.job_id, photo=photo.id, new=decided.is_new)
    return "done"


def _why_unread(held: Held) -> str | None:
    if held.job.read_at is not None:
        return None
    return "erased" if held.photo.erased_at is not None else "withdrawn"


def _page_alarm(session: Session, held: Held, services: Services) -> list[Act]:
    """A sender who named another page than the print shows may have sent the wrong photo."""
    photo, job = held.photo, held.job
    if photo.page_claimed is None or photo.state == "withdrawn":
        return []
    found = session.scalars(
        select(Reading.page).where(
            Reading.photo_id == photo.id, Reading.reader_rev == job.reader_rev, Reading.page.is_not(None)
        )
    ).all()
    if not found or photo.page_claimed in found:
        return []
    details = {"photo": photo.id, "claimed": photo.page_claimed, "found": sorted({p for p in found if p is not None})}
    key = f"page_mismatch:{photo.id}"
    return raise_alarm(session, "page_mismatch", key, photo.election_id, photo.tps, details, services.now())


def _damage_alarms(session: Session, services: Services, damaged: Sequence[CountingPage]) -> list[Act]:
    acts: list[Act] = []
    for page in damaged:
        photo, reading = page.photo, page.reading
        _log.error("reading.damaged", reading=reading.id, photo=photo.id)
        details = {"photo": photo.id, "reading": reading.id, "page": reading.page}
        key = f"reading_damaged:{reading.id}"
        acts += raise_alarm(session, "reading_damaged", key, photo.election_id, photo.tps, details, services.now())
    return acts


def _finish_item(session: Session, held: Held, changes: Sequence[NumberChange], services: Services) -> None:
    """A batch's photo: read anew, or skipped because the same reader would say the same (decided anew all the same)."""
    job = held.job
    if job.batch_id is None:
        return
    was_read = job.read_at is not None and job.tries == 0
    error = "already_read" if was_read else job.error
    rows = [_plain_change(held.photo.tps, change) for change in changes]
    finish_item(session, job, "skipped" if error else "done", error, services.now(), rows)


def _plain_change(tps: str, change: NumberChange) -> dict[str, Any]:
    return {
        "tps": tps,
        "field": change.field,
        "before": {"value": change.before.value, "state": change.before.state},
        "after": {"value": change.after.value, "state": change.after.state},
    }
