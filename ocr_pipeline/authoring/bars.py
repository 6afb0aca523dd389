"""Filled bars: parts of a table printed grey or black, in which nothing is written."""

from dataclasses import dataclass

import cv2
import numpy as np

from ocr_pipeline.authoring.cells import Cell
from ocr_pipeline.authoring.sheet import SHEET_LONG_SIDE
from ocr_pipeline.values import Grey

_PAPER_SHARE = 0.82
_LEAST_PX = 17
_LEAST_LONG_PX = 0.03 * SHEET_LONG_SIDE
_LEAST_FILL = 0.85


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled rectangle in sheet px; grey 0 is black, on white paper."""

    area: Cell
    grey: int


def find_bars(grey: Grey) -> tuple[Bar, ...]:
    """Filled rectangles of a straightened page, uint8 (h, w), from the top down."""
    paper = float(np.quantile(grey[::4, ::4], 0.9))
    dark = np.asarray(grey < _PAPER_SHARE * paper, np.uint8)
    wide = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((_LEAST_PX, _LEAST_PX), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(np.asarray(wide, np.uint8), connectivity=4)
    found = [
        Bar(
            Cell(float(x) - 0.5, float(y) - 0.5, float(x + width) - 0.5, float(y + height) - 0.5),
            round(min(float(np.median(grey[y : y + height, x : x + width])) / paper, 1.0) * 255),
        )
        for x, y, width, height, area in stats[1:count]
        if max(width, height) >= _LEAST_LONG_PX and area >= _LEAST_FILL * width * height
    ]
    return tuple(sorted(found, key=lambda b: (b.area.y0, b.area.x0)))
