"""Rings to fill in under digit boxes: ten at one pitch under each box."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.authoring.cells import Cell, Row
from ocr_pipeline.authoring.sheet import SHEET_LONG_SIDE
from ocr_pipeline.registration.ridges import flatten_light
from ocr_pipeline.values import Floats, Grey

_LEAST_PX, _MOST_PX = 0.004 * SHEET_LONG_SIDE, 0.022 * SHEET_LONG_SIDE
_INK = 0.78
"""Flattened grey below which a pixel is print."""
_ROUND = 0.15
_ALIKE = 0.2
_MOST_LINE_PX = 8
_LEAST_SEEN = 8
"""Rings of ten that must be seen; a pen may have closed the others."""


@dataclass(frozen=True, slots=True)
class BubbleBlock:
    """Bubbles of one number in sheet px: column centres, centre of 0, step down, diameter to the ring's middle."""

    x: tuple[float, ...]
    y0: float
    pitch: float
    diameter: float


def find_rings(grey: Grey) -> Floats:
    """Every small ring of a page: centre x, centre y and diameter in sheet px, shape (n, 3)."""
    paper = np.asarray(flatten_light(grey) > _INK, np.uint8)
    count, _, stats, centres = cv2.connectedComponentsWithStats(paper, connectivity=4)
    rings = []
    for (x, y, width, height, area), _centre in zip(stats[1:count], centres[1:count], strict=True):
        side = (width + height) / 2
        # The digit printed inside takes part of the disc away, never the corners of its frame.
        if _LEAST_PX <= side <= _MOST_PX and abs(width - height) <= _ROUND * side and 0.4 < area / side**2 < 0.83:
            line_px = _run_of_ink(paper[round(y + height / 2), max(x - _MOST_LINE_PX, 0) : x])
            rings.append((x + (width - 1) / 2, y + (height - 1) / 2, side + line_px))
    return np.asarray(rings, np.float64).reshape(-1, 3)


def _run_of_ink(paper: NDArray[np.uint8]) -> int:
    """How many pixels at the end of a row are ink."""
    light = np.flatnonzero(paper)
    return len(paper) - 1 - int(light[-1]) if len(light) else len(paper)


def bubbles_under(rings: Floats, boxes: Row) -> BubbleBlock | None:
    """The ten bubbles under each box of a number; ``None`` where some box has none."""
    columns = [_column(rings, box) for box in boxes]
    found = [c for c in columns if c is not None]
    if len(found) < len(columns):
        return None
    x, y0, pitch, diameter = np.asarray(found, np.float64).T
    if np.ptp(y0) > 0.3 * pitch.mean() or np.ptp(pitch) > 0.03 * pitch.mean():
        return None
    return BubbleBlock(tuple(float(v) for v in x), float(y0.mean()), float(pitch.mean()), float(np.median(diameter)))


def _column(rings: Floats, box: Cell) -> tuple[float, float, float, float] | None:
    """Centre, first, pitch and diameter of the ten rings right below a box."""
    under = rings[(np.abs(rings[:, 0] - box.x) < 0.3 * box.width) & (rings[:, 1] > box.y1)]
    under = under[np.argsort(under[:, 1])]
    if len(under) < _LEAST_SEEN or under[0, 1] - box.y1 > 1.5 * box.height:
        return None
    under = under[np.abs(under[:, 2] - np.median(under[:10, 2])) < _ALIKE * np.median(under[:10, 2])]
    pitch = float(np.median(np.diff(under[:, 1])[:9]))
    step = np.rint((under[:, 1] - under[0, 1]) / pitch)
    own = under[step <= 9]
    step = step[step <= 9]
    if len(own) < _LEAST_SEEN or step[-1] != 9 or len(set(step)) < len(step):
        return None
    slope, first = np.polyfit(step, own[:, 1], 1)
    if np.abs(own[:, 1] - first - slope * step).max() > 0.1 * pitch:
        return None
    return float(np.median(own[:, 0])), float(first), float(slope), float(np.median(own[:, 2]))
