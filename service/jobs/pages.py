"""Which readings of a station's photos count, and what they say together. No photo and no model is needed here."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from ocr_pipeline.errors import EvidenceError
from ocr_pipeline.evidence_codec import unpack_evidence
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.serialise import tps_to_dict
from ocr_pipeline.station import PageEvidence, StationRead, decide_station, default_policy
from ocr_pipeline.values import CLASSES, DecodedNumbers, NumberEvidence, Quality, TpsRead, Verdict, frozen
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
        earlier: readings of this page in the photos that this one is a retake of, and that those were retakes of.
    """

    photo: Photo
    reading: Reading
    disputed: bool
    earlier: Sequence[Reading] = ()

    @property
    def contradicted(self) -> frozenset[str]:
        """Fields that an earlier photo of this page alone settled, and this one does not read the same.

        Else whoever sends a retake could change an accepted number without anybody's looking.
        """
        numbers = self.reading.body["numbers"]
        return frozenset(
            field
            for reading in self.earlier
            for field, was in reading.body["numbers"].items()
            if was["decision"] == "accepted" and field in numbers and numbers[field]["value"] != was["value"]
        )


def counting_pages(session: Session, election_id: str, tps: str) -> Sequence[CountingPage]:
    """The readings of a station that count, in the order in which their photos came.

    Of each photo the readings of the revision that read it last; not of withdrawn photos; not of a photo whose retake
    shows the same page and was not refused: those are only compared with the retake.
    """
    rows = session.execute(
        select(Photo, Reading, Job.read_at)
        .join(Reading, Reading.photo_id == Photo.id)
        .join(
            Job,
            and_(Job.photo_id == Reading.photo_id, Job.reader_rev == Reading.reader_rev, Job.read_at.is_not(None)),
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
    return _without_retaken(pages)


def _without_retaken(pages: Sequence[CountingPage]) -> Sequence[CountingPage]:
    shown: dict[tuple[str | None, str | None, int | None], list[CountingPage]] = {}
    for page in pages:
        shown.setdefault((page.photo.id, page.reading.form_id, page.reading.page), []).append(page)

    def earlier(page: CountingPage) -> Sequence[CountingPage]:
        return shown.get((page.photo.replaces, page.reading.form_id, page.reading.page), ())

    retaken = {before.reading.id for page in pages for before in earlier(page)}
    counting = []
    for page in pages:
        if page.reading.id not in retaken:
            history = list(earlier(page))
            for before in history:  # grows while it is walked: retakes of retakes
                history += earlier(before)
            counting.append(replace(page, earlier=tuple(before.reading for before in history)))
    return counting


def evidence_of(page: CountingPage) -> PageEvidence:
    """A reading as the decoder wants it; its key is the reading's id.

    Raises:
        EvidenceError: the stored evidence is damaged.
    """
    reading = page.reading
    assert reading.evidence is not None
    evidence = unpack_evidence(reading.evidence)
    doubted = evidence.keys() if page.disputed else page.contradicted
    evidence = {name: replace(each, placed=False) if name in doubted else each for name, each in evidence.items()}
    values: Mapping[str, int | None] = {name: number["value"] for name, number in reading.body["numbers"].items()}
    quality = reading.body["quality"]
    return _page_evidence(reading, values, evidence, None if quality is None else Quality(**quality))


def _unread(page: CountingPage) -> PageEvidence:
    """A page whose stored evidence is damaged: every number of it is there, none is read, and so a person looks."""
    assert page.reading.form_id is not None
    numbers = next((p.numbers for p in load_form(page.reading.form_id).pages if p.page == page.reading.page), ())
    nothing = {
        number.field: NumberEvidence(
            field=number.field,
            boxes=frozen(np.full((len(number.boxes), len(CLASSES)), -math.log(len(CLASSES)))),
            bubbles=None,
            bubble_marks=None,
            placed=False,
            quad_photo=frozen(np.zeros((4, 2))),
        )
        for number in numbers
    }
    return _page_evidence(page.reading, {}, nothing, None)


def _page_evidence(
    reading: Reading,
    values: Mapping[str, int | None],
    evidence: Mapping[str, NumberEvidence],
    quality: Quality | None,
) -> PageEvidence:
    assert reading.form_id is not None
    assert reading.page is not None
    return PageEvidence(reading.form_id, reading.page, values, evidence, quality, reading.id)


_WORST: Final[Sequence[Verdict]] = ("form_inconsistent", "reading_uncertain", "incomplete", "consistent")


@dataclass(frozen=True, slots=True)
class DecidedPages:
    """A station's pages decided together.

    Attributes:
        form_id: the form, the first of the election's where it has several.
        decoded: its numbers, rules and verdict, of all forms.
        body: plain JSON: numbers and rules as in the reading contract, ``chosen`` photos by page (``form/page`` for
            further forms), ``differing`` fields.
        photos: field -> id of the photo that it was read from.
        damaged: pages whose stored evidence cannot be opened; their numbers go to a person.
    """

    form_id: str
    decoded: DecodedNumbers
    body: Mapping[str, Any]
    photos: Mapping[str, str]
    damaged: Sequence[CountingPage] = ()


def decide_pages(forms: Sequence[str], pages: Sequence[CountingPage]) -> DecidedPages:
    """Decides the pages of one station, each of the election's forms by its own rules.

    Args:
        forms: ids of the election's forms, at least one.
        pages: of these forms; without any the numbers are none.
    """
    present = {page.reading.form_id for page in pages}
    used = [form_id for form_id in forms if form_id in present] or list(forms[:1])
    evidence, damaged = _evidence_of_all(pages)
    stations = {form_id: decide_station(evidence, load_form(form_id), default_policy()) for form_id in used}
    of_reading = {page.reading.id: page for page in pages}
    decoded = _merged([station.decoded for station in stations.values()])
    chosen: dict[str, dict[str, Any]] = {}
    photos: dict[str, str] = {}
    for form_id, station in stations.items():
        for number, key in station.chosen.items():
            page = of_reading[key]
            name = str(number) if form_id == used[0] else f"{form_id}/{number}"
            chosen[name] = {"photo": page.photo.id, "part": page.reading.part, "reading": key}
            photos |= dict.fromkeys(page.reading.body["numbers"], page.photo.id)
    names = tuple(dict.fromkeys(page.photo.id for page in pages))
    body = tps_to_dict(TpsRead(names, used[0], decoded.numbers, decoded.rules, decoded.verdict))
    body |= {
        "chosen": chosen,
        "differing": _differing(stations.values(), [of_reading[c["reading"]] for c in chosen.values()]),
    }
    return DecidedPages(used[0], decoded, body, photos, damaged)


def _evidence_of_all(pages: Iterable[CountingPage]) -> tuple[list[PageEvidence], list[CountingPage]]:
    """One damaged reading must not keep the others of its station from being decided."""
    evidence: list[PageEvidence] = []
    damaged: list[CountingPage] = []
    for page in pages:
        try:
            evidence.append(evidence_of(page))
        except EvidenceError:
            evidence.append(_unread(page))
            damaged.append(page)
    return evidence, damaged


def _merged(parts: Sequence[DecodedNumbers]) -> DecodedNumbers:
    """Several forms as one; the verdict is that of the form that needs a person most."""
    numbers = {name: number for part in reversed(parts) for name, number in part.numbers.items()}
    rules = tuple(rule for part in parts for rule in part.rules)
    return DecodedNumbers(numbers, rules, min((part.verdict for part in parts), key=_WORST.index))


def _differing(stations: Iterable[StationRead], chosen: Iterable[CountingPage]) -> list[str]:
    fields = {field for station in stations for field in station.differing}
    return sorted(fields.union(*(page.contradicted for page in chosen)))


def _newest_revisions(rows: Iterable[tuple[str, datetime | None, str]]) -> dict[str, str]:
    newest: dict[str, tuple[datetime, str]] = {}
    for photo_id, read_at, reader_rev in rows:
        assert read_at is not None
        newest[photo_id] = max(newest.get(photo_id, (read_at, reader_rev)), (read_at, reader_rev))
    return {photo_id: reader_rev for photo_id, (_, reader_rev) in newest.items()}
