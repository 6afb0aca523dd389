"""Which photos a batch takes. All conditions given must hold; a photo that waits for its first reading never fits."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from ocr_pipeline.revision import reader_revision
from service.store.photos import Photo
from service.store.readings import Job, Reading

_TRAILING_NUMBER: Final = re.compile(r"^(.*?)(\d+)$", re.ASCII)


@dataclass(frozen=True, slots=True)
class BatchFilter:
    """What the photos of a batch have in common.

    Attributes:
        region: prefix of the station's code; empty for everywhere.
        election: one election.
        failed: the reader broke on it.
        failures: ... with one of these codes (``reader_crashed``, ``reader_timeout``, ``blob_missing``, ...).
        reasons: the reader refused it for one of these (``blurred``, ``cropped``, ...).
        outcomes: of the reading that counts: ``accepted``, ``review``, ``rejected``.
        form: form that was read.
        not_current: read by any other than the present revision of the reader.
        pipeline_older_than: read by a pipeline of a smaller number.
        model_older_than: read by an older model of this kind, for example ``digits-2``.
        px_per_box_below: boxes smaller than this in the photo.
        sharpness_below: less sharp than this, 0 to 1.
        channels_disagree: digits and bubbles of a number said different things.
    """

    region: str = ""
    election: str | None = None
    failed: bool = False
    failures: Sequence[str] = ()
    reasons: Sequence[str] = ()
    outcomes: Sequence[str] = ()
    form: str | None = None
    not_current: bool = False
    pipeline_older_than: str | None = None
    model_older_than: str | None = None
    px_per_box_below: float | None = None
    sharpness_below: float | None = None
    channels_disagree: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain JSON of what was asked, without what was not."""
        given = {name: value for name, value in asdict(self).items() if value not in (None, False, "", (), [])}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def matching(session: Session, wanted: BatchFilter) -> Select[str]:
    """A query for the ids of the photos that fit, in no order.

    Raises:
        ValueError: ``pipeline_older_than`` is no number, or ``model_older_than`` does not end in one.
    """
    query = select(Photo.id).where(Photo.state.in_(("read", "failed")), Photo.erased_at.is_(None))
    if wanted.region:
        query = query.where(Photo.tps >= wanted.region, Photo.tps < wanted.region + ":")
    if wanted.election is not None:
        query = query.where(Photo.election_id == wanted.election)
    if wanted.failed or wanted.failures:
        query = query.where(_failed(wanted.failures))
    conditions = _of_reading(session, wanted)
    if conditions:
        query = query.where(_newest_reading(and_(*conditions)))
    return query


def read_by_this_reader() -> ColumnElement[bool]:
    """Whether the present revision of the reader has read a photo."""
    return exists().where(Job.photo_id == Photo.id, Job.reader_rev == reader_revision(), Job.read_at.is_not(None))


def _failed(codes: Sequence[str]) -> ColumnElement[bool]:
    """Also a photo that an earlier revision has read, when the newest one broke on it."""
    error = Job.error.in_(codes) if codes else Job.error.is_not(None)
    return exists().where(Job.photo_id == Photo.id, Job.state == "failed", error)


def _of_reading(session: Session, wanted: BatchFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.reasons:
        found.append(Reading.reason.in_(wanted.reasons))
    if wanted.outcomes:
        found.append(Reading.outcome.in_(wanted.outcomes))
    if wanted.form is not None:
        found.append(Reading.form_id == wanted.form)
    if wanted.not_current:
        found.append(Reading.reader_rev != reader_revision())
    for older in _older_tests(wanted):
        revisions = session.scalars(select(Job.reader_rev).distinct()).all()
        found.append(Reading.reader_rev.in_([rev for rev in revisions if older(rev)]))
    poor = [
        column < limit
        for column, limit in (
            (Reading.px_per_box, wanted.px_per_box_below),
            (Reading.sharpness, wanted.sharpness_below),
        )
        if limit is not None
    ]
    if poor:
        found.append(or_(*poor))
    if wanted.channels_disagree:
        found.append(cast(Reading.body, Text).like('%"channels_disagree"%'))
    return found


def _older_tests(wanted: BatchFilter) -> list[Callable[[str], bool]]:
    """Tests of a reader revision; its text is explained in :mod:`ocr_pipeline.revision`."""
    tests: list[Callable[[str], bool]] = []
    if wanted.pipeline_older_than is not None:
        limit = int(wanted.pipeline_older_than)
        tests.append(lambda rev: _number(rev.split("+")[0]) < limit)
    if wanted.model_older_than is not None:
        split = _TRAILING_NUMBER.match(wanted.model_older_than)
        if split is None:
            raise ValueError(f"{wanted.model_older_than}: a model's name ends in its number")
        kind, newest = split[1], int(split[2])
        tests.append(
            lambda rev: any(
                part.startswith(kind) and _number(part.removeprefix(kind)) < newest for part in rev.split("+")[1:]
            )
        )
    return tests


def _number(text: str) -> float:
    """A number at the end of a revision; what is none counts as newest, so that it is never taken for old."""
    return int(text) if text.isascii() and text.isdecimal() else float("inf")


def _newest_reading(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the condition holds for a reading of the revision that read the photo last."""
    later = aliased(Job)
    read_later = exists().where(later.photo_id == Job.photo_id, later.read_at > Job.read_at)
    joined = and_(Job.photo_id == Reading.photo_id, Job.reader_rev == Reading.reader_rev)
    return exists().where(Reading.photo_id == Photo.id, joined, Job.read_at.is_not(None), ~read_later, condition)


def count(session: Session, query: Select[str]) -> int:
    """How many photos a query finds."""
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0
