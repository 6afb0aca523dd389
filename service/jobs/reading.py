"""The first step of a run: the photo's readings, each recorded once."""

import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from service import faults
from service.audit import Act, append, kecamatan_of
from service.blobs.port import original_key, view_key
from service.errors import ServiceError
from service.ids import new_id
from service.jobs.patience import patiently
from service.jobs.queue import Run
from service.jobs.reader_pool import PartRead, ReaderBroke, ReaderPool
from service.jobs.rows import Held, begin, broke, hold
from service.photos.handwriting import look_for_same
from service.services import Services
from service.store.photos import Photo
from service.store.readings import Job, Reading

FORMATS_WITH_PAGES = frozenset({"pdf", "tiff"})
"""Files of these kinds can hold several photos; all others are one."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tools:
    """What the steps work with."""

    services: Services
    readers: ReaderPool
    worker_id: str
    stop: threading.Event


def read_photo(tools: Tools, run: Run) -> bool:
    """Makes sure that all readings of the photo are recorded.

    Returns:
        Whether the station is to be decided; not when the run is an old one, or the photo broke its reader.

    Raises:
        Stopping: the worker stops while the database or the storage is away.
    """
    need = patiently(lambda: _need(tools.services, run), "job", tools.stop)
    if need is None or not need.reading:
        return need is not None
    try:
        with tempfile.TemporaryDirectory(prefix="turus-") as scratch:
            key = original_key(need.sha256)
            path = patiently(lambda: tools.services.blobs.local_path(key, Path(scratch)), "storage", tools.stop)
            held = patiently(lambda: begin(tools.services, run, tools.worker_id), "job", tools.stop)
            faults.at("job.tried")
            return held is not None and _read_parts(tools, run, held, path)
    except ServiceError as error:
        if error.code != "blob_missing":
            raise
        code = error.code
    except ReaderBroke as error:
        _log.warning("reader.broke", job=run.job_id, code=error.code, detail=error.detail)
        code = error.code
    patiently(lambda: broke(tools.services, run, code), "job", tools.stop)
    return False


@dataclass(frozen=True, slots=True)
class _Need:
    sha256: str
    reading: bool


def _need(services: Services, run: Run) -> _Need | None:
    """What is to be done for a run: ``None`` nothing, else whether the photo must be read."""
    with services.store.read() as session:
        row = session.execute(
            select(Job, Photo).join(Photo, Photo.id == Job.photo_id).where(Job.id == run.job_id)
        ).one_or_none()
    if row is None:
        return None
    job, photo = row
    if job.runs != run.run or job.state not in ("queued", "running"):
        return None
    # A withdrawn photo is not read, but its station is decided without it; an erased one has no file any more.
    must_read = job.read_at is None and photo.state != "withdrawn" and photo.erased_at is None
    return _Need(photo.sha256, must_read)


def _read_parts(tools: Tools, run: Run, held: Held, path: Path) -> bool:
    photo = held.photo
    if photo.format not in FORMATS_WITH_PAGES:
        found = _read_part(tools, photo, path, 0)
        return patiently(lambda: record(tools.services, run, 0, found, True), "database", tools.stop)
    return _read_pages(tools, run, held, path)


def _read_pages(tools: Tools, run: Run, held: Held, path: Path) -> bool:
    photo = held.photo
    parts = patiently(lambda: tools.readers.parts(path), "reader", tools.stop)
    with tools.services.store.read() as session:
        have = set(
            session.scalars(
                select(Reading.part).where(Reading.photo_id == photo.id, Reading.reader_rev == held.job.reader_rev)
            )
        )
    for part in parts:
        if part not in have:
            found = _read_part(tools, photo, path, part)
            have.add(part)
            is_last = have >= set(parts)
            if not patiently(lambda: record(tools.services, run, part, found, is_last), "database", tools.stop):  # noqa: B023
                return False
    return patiently(lambda: _all_read(tools.services, run), "database", tools.stop)


def _read_part(tools: Tools, photo: Photo, path: Path, part: int) -> PartRead:
    faults.at("read.before")
    found = patiently(lambda: tools.readers.read(path, part, photo.id), "reader", tools.stop)
    faults.at("read.after")
    view = found.view
    if view is not None:
        patiently(lambda: tools.services.blobs.put_bytes(view_key(photo.id, part), view), "storage", tools.stop)
    return found


def record(services: Services, run: Run, part: int, found: PartRead, is_last: bool) -> bool:
    """Records one reading, unless it is recorded or the run is an old one.

    Returns:
        Whether the run is still the newest one.
    """
    faults.at("read.before_record")
    now = services.now()
    with services.store.write() as session:
        held = hold(session, run)
        if held is None:
            return False
        if is_last:
            held.job.read_at = now
        reading = _new_reading(session, services, held, part, found)
        if reading is not None:
            acts = [_act(held, reading)]
            acts += look_for_same(session, services, held.photo.election_id, held.photo.tps, reading)
            append(session, acts, now)
    faults.at("read.recorded")
    return True


def _all_read(services: Services, run: Run) -> bool:
    """All parts were recorded by earlier runs (or the file has none): the readings count from now on."""
    with services.store.read() as session:
        if session.scalar(select(Job.read_at).where(Job.id == run.job_id)) is not None:
            return True
    with services.store.write() as session:
        held = hold(session, run)
        if held is None:
            return False
        held.job.read_at = held.job.read_at or services.now()
    return True


def _new_reading(session: Session, services: Services, held: Held, part: int, found: PartRead) -> Reading | None:
    photo, job = held.photo, held.job
    there = select(Reading.id).where(
        Reading.photo_id == photo.id, Reading.part == part, Reading.reader_rev == job.reader_rev
    )
    if session.scalar(there) is not None:
        return None
    body = dict(found.body)
    body.pop("photo", None)
    quality = body["quality"] or {}
    reading = Reading(
        id=new_id(),
        photo_id=photo.id,
        part=part,
        reader_rev=job.reader_rev,
        pipeline_rev=body["pipeline_rev"],
        form_id=body["form"],
        form_rev=body["form_rev"],
        page=body["page"],
        outcome=body["outcome"],
        reason=body["reason"],
        px_per_box=quality.get("px_per_box"),
        sharpness=quality.get("sharpness"),
        body=body,
        evidence=found.evidence,
        fingerprint=found.fingerprint,
        took_ms=round(found.took_ms),
        created_at=services.now(),
    )
    session.add(reading)
    session.flush()
    return reading


def _act(held: Held, reading: Reading) -> Act:
    photo = held.photo
    details = {
        "reading": reading.id,
        "part": reading.part,
        "reader": reading.reader_rev,
        "form": reading.form_id,
        "page": reading.page,
        "outcome": reading.outcome,
        "reason": reading.reason,
    }
    return Act("photo.read", f"photo:{photo.id}", kecamatan_of(photo.tps), None, None, details)
