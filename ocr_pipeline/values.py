"""The values that flow through the reader, one way.

Photo -> PageFit -> NumberEvidence -> NumberRead -> PageRead -> TpsRead. All are frozen; arrays inside are read-only by
convention of :func:`frozen`. Coordinate frames are named in every variable:

* *photo*: pixels of the upright (EXIF-turned) photo, x right, y down, (0, 0) the centre of the first pixel;
* *page*: millimetres from the top-left corner of the printed page;
* *cell*: pixels of one small picture cut out of the photo.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)
Floats = NDArray[np.float64]
Grey = NDArray[np.uint8]

CLASSES = "0123456789X-_"
"""What one box can hold, in the order of the model's outputs: digits, the filler X, a dash, blank."""

UNDECIDED = "?"
"""As-written mark of a box that nobody should trust."""

NO_BUBBLE = 10
"""Index of "no bubble filled" in a bubble column's likelihoods; 0-9 are the digits."""

Decision = Literal["accepted", "review"]
Outcome = Literal["accepted", "review", "rejected"]
Channel = Literal["digits", "bubbles", "tally", "row_totals"]
Verdict = Literal["consistent", "reading_uncertain", "form_inconsistent", "incomplete"]
Severity = Literal["error", "warning"]
Why = Literal[
    "low_confidence",
    "channels_disagree",
    "rule_broken",
    "rule_undecided",
    "out_of_bounds",
    "crossed_out",
    "form_inconsistent",
    "unmeasured",
]


def frozen(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """The array itself, made read-only."""
    array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True)
class NumberEvidence:
    """What the picture says about one number, before any arithmetic.

    Attributes:
        field: field id of the form definition.
        boxes: calibrated natural-log probabilities, shape (boxes, 13), float64, columns as :data:`CLASSES`.
        bubbles: natural-log likelihood of what is seen in each bubble column, shape (boxes, 11), float64, columns 0-9
            and :data:`NO_BUBBLE`; ``None`` where the form has no bubbles.
        bubble_marks: one character a column: the digit, ``_`` for none, ``?`` for several, crossed out or unclear;
            ``None`` where the form has no bubbles.
        placed: whether the number's own printed rules (and rings) were found where the fit puts them.
        quad_photo: corners of the number's boxes, shape (4, 2), float64, photo px, clockwise from the top-left.
        crossed_out: the boxes look struck through or overwritten.
        words_quad_photo: corners of the line with the number in words, as ``quad_photo``; it may reach over the photo's
            edge. ``None`` where the form has no such line.
    """

    field: str
    boxes: Floats
    bubbles: Floats | None
    bubble_marks: str | None
    placed: bool
    quad_photo: Floats
    crossed_out: bool = False
    words_quad_photo: Floats | None = None


@dataclass(frozen=True, slots=True)
class ChannelRead:
    """One channel's own reading of a number: its best value (``None``: it does not know) and its probability."""

    value: int | None
    p: float


@dataclass(frozen=True, slots=True)
class NumberRead:
    """One number as read.

    Attributes:
        field: field id.
        value: what the boxes mean; ``None`` when undecided or when all boxes are empty. Never 0 for unread.
        as_written: one character a box: ``0-9``, ``X``, ``-``, ``_`` (empty), ``?`` (undecided).
        p: calibrated probability that ``value`` (or emptiness) is right, all channels together, arithmetic aside.
        decision: accepted, or for a person.
        why: why a person should look; empty exactly when accepted.
        evidence: each channel's own reading.
        quad_photo: corners of the boxes, shape (4, 2), float64, photo px, clockwise from the top-left.
        alternative: the value that arithmetic prefers, where it differs; a hint for the reviewer, never applied.
        words_quad_photo: where the number is written in words, for the reviewer: nothing reads it. As in
            :class:`NumberEvidence`.
    """

    field: str
    value: int | None
    as_written: str
    p: float
    decision: Decision
    why: tuple[Why, ...]
    evidence: Mapping[Channel, ChannelRead]
    quad_photo: Floats
    alternative: int | None = None
    words_quad_photo: Floats | None = None


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """An arithmetic rule: ``holds`` is ``None`` while a number of it is missing or undecided."""

    id: str
    holds: bool | None
    severity: Severity


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the photo is where the numbers are.

    Attributes:
        sharpness: 0 (no printed edge left) to 1 (as sharp as the resolution allows), on the number cells.
        px_per_box: side of a digit box in photo px, the smallest on the page.
        coverage: share of the page's numbers whose own print was found, 0-1.
    """

    sharpness: float
    px_per_box: float
    coverage: float


@dataclass(frozen=True, slots=True)
class PageRead:
    """Everything read from one photo; ``reason`` is set exactly when ``outcome`` is rejected, and then no numbers.

    Attributes:
        rotation_deg: how far the page lies turned clockwise in the upright photo, to the nearest of 0, 90, 180, 270;
            ``None`` for a refused photo, as are ``form`` and ``page``.
        size_px: width and height of the upright photo, in whose pixels all quads are; ``None`` where it was refused.
    """

    photo: str
    sha256: str | None
    form: str | None
    page: int | None
    form_rev: int | None
    outcome: Outcome
    reason: str | None
    numbers: Mapping[str, NumberRead]
    rules: tuple[RuleCheck, ...]
    quality: Quality | None
    timing_ms: Mapping[str, float]
    pipeline_rev: str
    models: Mapping[str, str]
    rotation_deg: int | None = None
    size_px: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class TpsRead:
    """The pages of one polling station (TPS) decided together."""

    photos: tuple[str, ...]
    form: str | None
    numbers: Mapping[str, NumberRead]
    rules: tuple[RuleCheck, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class DecodedNumbers:
    """What decoding returns for the numbers it was given: the numbers, every rule, and the verdict over all of them."""

    numbers: Mapping[str, NumberRead]
    rules: tuple[RuleCheck, ...]
    verdict: Verdict
