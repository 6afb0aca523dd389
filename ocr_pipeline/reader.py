"""From a file to its numbers: the order of the stages and nothing else."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ocr_pipeline.cells.boxes import box_side_px, cut_boxes, number_quad, words_quad
from ocr_pipeline.decoding.decode import decode
from ocr_pipeline.decoding.policy import Policy
from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.forms.definition import FormDefinition, Number
from ocr_pipeline.forms.library import form_ids, load_form
from ocr_pipeline.imaging.cv import use_one_thread
from ocr_pipeline.imaging.decode import DecodedPhoto, PhotoSource, decode_photo, file_sha256, iter_photos
from ocr_pipeline.imaging.failure import reason_for_failure
from ocr_pipeline.imaging.quality import blur_px, glare, sharpness, too_dark
from ocr_pipeline.recognition.bubbles import BubbleRead, bubble_darkness, read_bubbles
from ocr_pipeline.recognition.digits import DigitModel, load_digit_model, prepare_cell
from ocr_pipeline.recognition.handwriting import Cells, Fingerprint, fingerprint, sheet_name
from ocr_pipeline.registration.model import PageModel, page_models
from ocr_pipeline.registration.page_fit import PageFit
from ocr_pipeline.registration.patch import Patch, Pyramid
from ocr_pipeline.registration.register import register
from ocr_pipeline.registration.snap import NumberFit, snap_number
from ocr_pipeline.revision import PIPELINE_REV
from ocr_pipeline.station import PageEvidence, decide_station, default_policy, policy_of
from ocr_pipeline.values import Floats, NumberEvidence, PageRead, Quality, TpsRead

SMALLEST_SIDE_PX = 150
"""No page with readable boxes fits into a picture this narrow."""
LEAST_PX_PER_BOX = 11.0
"""Smaller boxes than this are refused: nobody, and no model, reads them safely."""
MOST_BLUR, SOFT = 0.16, 0.05
"""Blur (sigma over box side) beyond which a page is refused, and from which it is blamed when nothing is found."""
HIDDEN = 0.9
"""Share of a number's width that glare may wash out before the page is refused, if the number is not found either."""
LEAST_COVERAGE = 0.5
"""Share of its numbers' own print that a page without a tag must show: on another form there is other print."""
LEAST_CLEARNESS = 0.5
"""Least edge score of a placed number over the median of its page: right ones on real photos have 0.55 and more in all
but a few, boxes set one row off 0.46."""
CUT_OFF, MOST_CUT_OFF = 0.1, 0.4
"""Share of a box beyond the edge of the photo: from the first on a person reads the number, from the second on nobody
can: a scanner that trims the margin takes the outer rule and leaves the digit."""


@dataclass(frozen=True, slots=True)
class PlacedNumber:
    """One number where it was found: its fit, and the upright patch around it."""

    number: Number
    fit: NumberFit
    patch: Patch


@dataclass(frozen=True, slots=True)
class PageResult:
    """A page as read, with what it was read from.

    Attributes:
        read: the numbers, or why the photo was refused.
        evidence: field -> what the picture says; empty for a refused photo.
        fit: where the page lies; ``None`` for a refused photo.
        fingerprint: of its handwriting, see :mod:`ocr_pipeline.recognition.handwriting`; ``None`` for a refused photo
            and where too little is written.
    """

    read: PageRead
    evidence: Mapping[str, NumberEvidence]
    fit: PageFit | None
    fingerprint: Fingerprint | None = None


class Reader:
    """Reads photos; holds the models. One per process: build it with :meth:`load` inside each worker."""

    def __init__(self, digits: DigitModel, policy: Policy) -> None:
        self._digits = digits
        self._policy = policy

    @classmethod
    def load(cls) -> "Reader":
        """A reader with the models that ship with Turus.

        Raises:
            ModelError: a model is missing or damaged.
        """
        use_one_thread()
        digits = load_digit_model()
        return cls(digits, policy_of(digits.card))

    def read_file(self, path: str, form_id: str | None = None, page: int | None = None) -> list[PageResult]:
        """Reads a file: one result for each page in it, never an exception for what is in the file.

        Args:
            path: file to read.
            form_id: the form it should be; another one is refused as ``wrong_form``.
            page: the printed page it should be; another one is refused as ``wrong_page``.

        Raises:
            UnknownFormError: ``form_id`` is not in the library.
        """
        return [self.read_photo(source, form_id, page) for source in iter_photos(path)]

    def read_photo(self, source: PhotoSource, form_id: str | None = None, page: int | None = None) -> PageResult:
        """Reads one photo (or one page of a file); see :meth:`read_file`."""
        wanted = None if form_id is None else load_form(form_id)
        clock = _Clock()
        photo: DecodedPhoto | None = None
        try:
            photo = decode_photo(source)
            clock.lap("decode")
            pyramid = Pyramid(photo.grey)
            fit = _registered(photo, pyramid, wanted, page)
            placed, quality = _place(pyramid, fit, photo)
            clock.lap("register")
            cells = [_prepared(pyramid, fit, p) for p in placed]
            evidence = self._evidence(fit, placed, cells)
            handwriting = _fingerprint(fit, placed, cells)
            clock.lap("recognise")
        except PhotoRejected as refusal:
            digest = photo.sha256 if photo else file_sha256(source)
            return PageResult(self._rejected(source.name, digest, refusal.reason, clock), {}, None)
        form = load_form(fit.model.form_id)
        decoded = decode(form, evidence, form.measured_fields, self._policy)
        clock.lap("decide")
        accepted = all(n.decision == "accepted" for n in decoded.numbers.values())
        read = PageRead(
            photo=source.name,
            sha256=photo.sha256,
            form=form.id,
            page=fit.model.page.page,
            form_rev=form.rev,
            outcome="accepted" if accepted else "review",
            reason=None,
            numbers=decoded.numbers,
            rules=decoded.rules,
            quality=quality,
            timing_ms=clock.timing_ms(),
            pipeline_rev=PIPELINE_REV,
            models={"digits": self._digits.card.name},
            rotation_deg=fit.turn,
            size_px=(photo.width_px, photo.height_px),
        )
        return PageResult(read, evidence, fit, handwriting)

    def _evidence(
        self, fit: PageFit, placed: Sequence[PlacedNumber], cells: Sequence[Cells]
    ) -> dict[str, NumberEvidence]:
        """Recognises all boxes of a page in one batch, and its bubbles together."""
        probabilities = self._digits.cell_log_probs(np.concatenate(cells))
        bubbles = read_bubbles(
            {
                p.number.field: bubble_darkness(p.patch, p.number.bubbles, p.fit.ring_shift_mm)
                for p in placed
                if p.number.bubbles is not None and p.fit.ring_shift_mm is not None
            }
        )
        found, start = {}, 0
        for p, own in zip(placed, cells, strict=True):
            boxes = probabilities[start : start + len(own)]
            start += len(own)
            found[p.number.field] = _number_evidence(fit, p, boxes, bubbles.get(p.number.field))
        return found

    def _rejected(self, name: str, sha256: str | None, reason: str, clock: "_Clock") -> PageRead:
        return PageRead(
            photo=name,
            sha256=sha256,
            form=None,
            page=None,
            form_rev=None,
            outcome="rejected",
            reason=reason,
            numbers={},
            rules=(),
            quality=None,
            timing_ms=clock.timing_ms(),
            pipeline_rev=PIPELINE_REV,
            models={"digits": self._digits.card.name},
        )


def read_together(results: Sequence[PageResult], policy: Policy | None = None) -> TpsRead:
    """Decides the pages of one polling station together, see :func:`~ocr_pipeline.station.decide_station`.

    Refused photos count for nothing. Pages of several forms cannot be one station: then only those of the first form
    are used.
    """
    photos = tuple(r.read.photo for r in results)
    pages = [_page_evidence(r) for r in results if r.fit is not None]
    if not pages:
        return TpsRead(photos, None, {}, (), "incomplete")
    form = load_form(pages[0].form)
    decoded = decide_station(pages, form, policy or default_policy()).decoded
    return TpsRead(photos, form.id, decoded.numbers, decoded.rules, decoded.verdict)


def _page_evidence(result: PageResult) -> PageEvidence:
    read = result.read
    assert read.form is not None
    assert read.page is not None
    values = {field: number.value for field, number in read.numbers.items()}
    return PageEvidence(read.form, read.page, values, result.evidence, read.quality, read.photo)


def _registered(photo: DecodedPhoto, pyramid: Pyramid, wanted: FormDefinition | None, page: int | None) -> PageFit:
    if min(photo.width_px, photo.height_px) < SMALLEST_SIDE_PX:
        raise PhotoRejected("low_resolution")
    models: tuple[PageModel, ...] = tuple(m for form_id in form_ids() for m in page_models(form_id))
    try:
        fit = register(pyramid, models)
    except PhotoRejected as refusal:
        raise PhotoRejected(reason_for_failure(photo.grey, refusal.reason), refusal.detail) from refusal
    if wanted is not None and fit.model.form_id != wanted.id:
        raise PhotoRejected("wrong_form")
    if page is not None and fit.model.page.page != page:
        raise PhotoRejected("wrong_page")
    return fit


def _place(pyramid: Pyramid, fit: PageFit, photo: DecodedPhoto) -> tuple[list[PlacedNumber], Quality]:
    """Snaps every number of the page, and judges the photo on the number cells, not on the background.

    Raises:
        PhotoRejected: ``low_resolution`` when boxes are too small to read, ``too_dark``, ``blurred``, ``cropped`` when
            boxes lie outside the photo, ``glare`` when it hides a whole number, ``not_registered`` when the own print
            of too few numbers is found.
    """
    numbers = fit.model.page.numbers
    sides_px = [box_side_px(fit.page_map, n) for n in numbers]
    if min(sides_px) < LEAST_PX_PER_BOX:
        raise PhotoRejected("low_resolution")
    quads = [number_quad(fit.page_map, n) for n in numbers]
    if too_dark(photo.grey, quads):
        raise PhotoRejected("too_dark")
    sigma_px = blur_px(photo.grey, quads)
    if sigma_px > MOST_BLUR * min(sides_px):
        raise PhotoRejected("blurred", f"sigma {sigma_px:.1f} px, box {min(sides_px):.0f} px")
    blur_mm = sigma_px / float(np.median(sides_px)) * numbers[0].boxes[0].w_mm
    placed = _as_clear_as_the_others([_snapped(pyramid, fit, n, blur_mm) for n in numbers])
    for p, washed_out in zip(placed, glare(photo.grey, quads), strict=True):
        if washed_out >= HIDDEN and not p.fit.placed:
            raise PhotoRejected("glare", p.number.field)
    coverage = sum(p.fit.placed for p in placed) / len(placed)
    if not coverage or (fit.model.page.tag is None and coverage < LEAST_COVERAGE):
        soft = sigma_px > SOFT * min(sides_px)
        raise PhotoRejected(
            "blurred" if soft else "not_registered", f"the print of {coverage:.0%} of the numbers was found"
        )
    return placed, Quality(sharpness(sigma_px), min(sides_px), coverage)


def _snapped(pyramid: Pyramid, fit: PageFit, number: Number, blur_mm: float) -> PlacedNumber:
    """A number on its own print; one that runs out of the photo a little counts as not placed.

    Raises:
        PhotoRejected: ``cropped`` where the photo ends within a box.
    """
    found, patch = snap_number(pyramid, fit.page_map, number, blur_mm)
    quad_photo = number_quad(fit.page_map, number, found)
    height_px, width_px = pyramid.level(0).shape
    missing_px = max(-float(quad_photo.min()), float((quad_photo - (width_px - 1, height_px - 1)).max()), 0.0)
    missing = missing_px / box_side_px(fit.page_map, number)
    if missing > MOST_CUT_OFF:
        raise PhotoRejected("cropped", f"{number.field} {missing:.2f}")
    return PlacedNumber(number, found if missing <= CUT_OFF else replace(found, placed=False), patch)


def _as_clear_as_the_others(placed: list[PlacedNumber]) -> list[PlacedNumber]:
    """Numbers whose own print is far fainter than that of the page's others count as not placed.

    In a dense grid boxes that lie one row off still find a rule on most sides.
    """
    least = LEAST_CLEARNESS * float(np.median([p.fit.edge_score for p in placed]))
    return [p if p.fit.edge_score >= least else replace(p, fit=replace(p.fit, placed=False)) for p in placed]


def _prepared(pyramid: Pyramid, fit: PageFit, p: PlacedNumber) -> Cells:
    """The boxes of one number as the digit model takes them, (boxes, 40, 40)."""
    return np.stack([prepare_cell(crop) for crop in cut_boxes(pyramid, fit.page_map, p.number, p.fit)])


def _fingerprint(fit: PageFit, placed: Sequence[PlacedNumber], cells: Sequence[Cells]) -> Fingerprint | None:
    """Of the boxes that were found; a page with more than 256 boxes has none."""
    boxes = [cell if p.fit.placed else None for p, own in zip(placed, cells, strict=True) for cell in own]
    return fingerprint(sheet_name(fit.model.form_id, fit.model.page.page), boxes) if len(boxes) <= 256 else None


def _number_evidence(fit: PageFit, p: PlacedNumber, boxes: Floats, bubbles: BubbleRead | None) -> NumberEvidence:
    return NumberEvidence(
        field=p.number.field,
        boxes=boxes,
        bubbles=None if bubbles is None else bubbles.log_likelihood,
        bubble_marks=None if bubbles is None else bubbles.marks,
        # A page that no printed sign confirms may be a look-alike: a person decides.
        placed=p.fit.placed and fit.confirmed,
        quad_photo=number_quad(fit.page_map, p.number, p.fit),
        words_quad_photo=words_quad(fit.page_map, p.number, p.fit),
    )


class _Clock:
    """Milliseconds per stage."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._laps[name] = (now - self._last) * 1000
        self._last = now

    def timing_ms(self) -> dict[str, float]:
        return {**self._laps, "total": (time.perf_counter() - self._start) * 1000}
