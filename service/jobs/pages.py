"""Which readings of a station's photos count, in which order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from ocr_pipeline.evidence_codec import unpack_evidence
from ocr_pipeline.station import PageEvidence
from ocr_pipeline.values import Quality
from service.store.photos import Photo
from service.store.readings import Job, Reading


@dataclass(frozen=True, slots=True)
class CountingPage:
    """A reading that counts for its station.

    Attributes:
        photo: its photo.
        reading: the reading, of one form and page.
        disputed: a person has moved the photo to another page than its print shows; then all its numbers go to a
            person. What the sender claimed when sending is no such act: a wrong claim only raises an alarm.
    """

    photo: Photo
    reading: Reading
    disputed: bool


def counting_pages(session: Session, election_id: str, tps: str) -> Sequence[CountingPage]:
    """The readings of a station that count, in the order in which their photos came.

    Of each photo the readings of the revision that read it last; not of withdrawn photos; not of a photo whose retake
    shows the same page and was not refused.
    """
    rows = session.execute(
        select(Photo, Reading, Job.read_at)
        .join(Reading, Reading.photo_id == Photo.id)
        .join(
            Job,
            and_(
                Job.photo_id == Reading.photo_id, Job.reader_rev == Reading.reader_rev, Job.read_at.is_not(None)
            ),
        )
        .where(Photo.election_id == election_id, Photo.tps == tps, Photo.state != "withdrawn")
        .order_by(Photo.received_at, Photo.id, Reading.part)
        .execution_options(populate_existing=True)
    ).all()
    newest = _newest_revisions((photo.id, read_at, reading.reader_rev) for photo, reading, read_at in rows)
    pages = [
        CountingPage(photo, reading, photo.page not in (None, photo.page_claimed, reading.page))
        for photo, reading, _ in rows
        if newest[photo.id] == reading.reader_rev and reading.evidence is not None
    ]
    retaken = {
        (page.photo.replaces, page.reading.form_id, page.reading.page)
        for page in pages
        if page.photo.replaces is not None
    }
    return [p for p in pages if (p.photo.id, p.reading.form_id, p.reading.page) not in retaken]


def evidence_of(page: CountingPage) -> PageEvidence:
    """A reading as the decoder wants it; its key is the reading's id.

    Raises:
        EvidenceError: the stored evidence is damaged; the photo has to be read again.
    """
    reading = page.reading
    assert reading.evidence is not None
    assert reading.form_id is not None
    assert reading.page is not None
    evidence = unpack_evidence(reading.evidence)
    if page.disputed:
        evidence = {name: replace(each, placed=False) for name, each in evidence.items()}
    values: Mapping[str, int | None] = {
        name: number["value"] for name, number in reading.body["numbers"].items()
    }
    quality = reading.body["quality"]
    return PageEvidence(
        form=reading.form_id,
        page=reading.page,
        values=values,
        evidence=evidence,
        quality=None if quality is None else Quality(**quality),
        key=reading.id,
    )


def _newest_revisions(rows: Iterable[tuple[str, datetime, str]]) -> dict[str, str]:
    newest: dict[str, tuple[datetime, str]] = {}
    for photo_id, read_at, reader_rev in rows:
        newest[photo_id] = max(newest.get(photo_id, (read_at, reader_rev)), (read_at, reader_rev))
    return {photo_id: reader_rev for photo_id, (_, reader_rev) in newest.items()}
