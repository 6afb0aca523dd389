"""Bubbles: which one of ten under a box is blackened, if any.

Darkness is judged against the page's own empty and filled bubbles, never against a fixed grey: on real photos an empty
bubble in a fold is darker than a filled one on a washed-out screen.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.forms.definition import Bubbles
from ocr_pipeline.registration.patch import Patch
from ocr_pipeline.values import NO_BUBBLE, Floats

_DISC_MM = 3.0
_AROUND_MM = (22.0, 16.0)
_LEAST_SPREAD, _LEAST_SPREAD_OF_FEW, _FEW = 0.06, 0.15, 4
"""Least difference of darkness between filled and empty bubbles of a page, and the same where fewer columns than
:data:`_FEW` stand out: a fold or a stain looks like one bubble, not like four. Below it nobody filled any."""
FILLED, EMPTY = 0.6, 0.4
"""Page-normalised darkness above which a bubble is filled, below which it is empty; between them it is unclear."""
_STEEPNESS = 20.0
"""Log-odds of "filled" per unit of page-normalised darkness about one half. Chosen so that real filled bubbles (0.73
and more) and real empty ones (0.33 and less) come out at about 1 in 100 and better."""


@dataclass(frozen=True, slots=True)
class BubbleRead:
    """Bubbles of one number.

    Attributes:
        log_likelihood: shape (columns, 11), float64, columns 0-9 and none.
        marks: one character a column: the digit, ``_`` for none, ``?`` for several, crossed out or unclear.
    """

    log_likelihood: Floats
    marks: str


def bubble_darkness(patch: Patch, bubbles: Bubbles, ring_shift_mm: Floats) -> Floats:
    """Darkness of every bubble against the paper around it.

    Args:
        patch: upright picture that holds all of them.
        bubbles: where they are printed.
        ring_shift_mm: what to add for each row, shape (10, 2).

    Returns:
        Shape (columns, 10), float64: 0 as the paper, 1 black.
    """
    disc = _disc_kernel(_DISC_MM * patch.px_per_mm)
    blurred = cv2.filter2D(patch.grey, cv2.CV_32F, disc, borderType=cv2.BORDER_REPLICATE)
    half = np.array(_AROUND_MM) / 2 * patch.px_per_mm
    out = np.zeros((len(bubbles.x_mm), 10))
    for column, x_mm in enumerate(bubbles.x_mm):
        for row, y_mm in enumerate(bubbles.y_mm):
            x, y = patch.to_px(np.array([[x_mm, y_mm]]) + ring_shift_mm[row])[0]
            low = np.maximum(np.floor([x - half[0], y - half[1]]).astype(int), 0)
            high = np.ceil([x + half[0], y + half[1]]).astype(int) + 1
            around = patch.grey[low[1] : high[1], low[0] : high[0]]
            paper = float(np.percentile(around, 75)) if around.size else 0.0
            inside = cv2.getRectSubPix(blurred, (1, 1), (float(x), float(y)))
            out[column, row] = 1 - float(inside.ravel()[0]) / max(paper, 1.0)
    return out


def read_bubbles(darkness: dict[str, Floats]) -> dict[str, BubbleRead | None]:
    """Reads all bubbles of a page together.

    Args:
        darkness: field -> :func:`bubble_darkness`.

    Returns:
        field -> reading; all ``None`` when the page's bubbles do not differ (a page nobody filled says nothing).
    """
    if not darkness:
        return {}
    everything = np.concatenate(list(darkness.values()))
    empty = float(np.median(everything))
    darkest = everything.max(axis=1)
    strong = darkest[darkest >= empty + (darkest.max() - empty) / 2]
    filled = float(np.percentile(strong, 60))
    if filled - empty < (_LEAST_SPREAD if len(strong) >= _FEW else _LEAST_SPREAD_OF_FEW):
        return dict.fromkeys(darkness)
    return {field: _read((values - empty) / (filled - empty)) for field, values in darkness.items()}


def _read(normalised: Floats) -> BubbleRead:
    log_filled = -np.log1p(np.exp(-_STEEPNESS * (normalised - 0.5)))
    log_empty = -np.log1p(np.exp(_STEEPNESS * (normalised - 0.5)))
    all_empty = log_empty.sum(axis=1, keepdims=True)
    likelihood = np.empty((len(normalised), NO_BUBBLE + 1))
    likelihood[:, :NO_BUBBLE] = all_empty - log_empty + log_filled
    likelihood[:, NO_BUBBLE] = all_empty[:, 0]
    return BubbleRead(likelihood, "".join(_mark(column) for column in normalised))


def _mark(column: Floats) -> str:
    clear = np.flatnonzero(column > FILLED)
    unclear = np.count_nonzero((column >= EMPTY) & (column <= FILLED))
    if unclear or len(clear) > 1:
        return "?"
    return str(clear[0]) if len(clear) else "_"


def _disc_kernel(radius_px: float) -> NDArray[np.float32]:
    size = int(np.ceil(radius_px)) * 2 + 1
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    disc = np.clip(radius_px + 0.5 - np.hypot(x, y), 0, 1)
    return np.asarray(disc / disc.sum(), np.float32)
