"""Ink on a page picture: anti-aliased strokes of changing width, multiplied into the paper."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.values import Floats, Grey

OVERSAMPLE = 3
"""Strokes are drawn this much larger and averaged down: OpenCV's line widths are whole pixels."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One pen stroke in page mm.

    Attributes:
        points_page: shape (n, 2), float64, page mm.
        width_mm: shape (n,), float64, pen width at each point.
    """

    points_page: Floats
    width_mm: Floats


def lay_ink(page: Grey, px_per_mm: float, strokes: list[Stroke], ink_bgr: Floats, strength: float = 1.0) -> None:
    """Multiply strokes into the page, in place; overlapping strokes of one call do not darken each other.

    Args:
        page: shape (h, w, 3), uint8, BGR, the page drawn at ``px_per_mm``; the first pixel's centre is (0.5, 0.5) px.
        px_per_mm: scale of the picture.
        strokes: what to draw.
        ink_bgr: shape (3,), float64, reflectance 0-1 of the ink.
        strength: 0-1 opacity.
    """
    strokes = [stroke for stroke in strokes if len(stroke.points_page)]
    if not strokes:
        return
    every = np.concatenate([stroke.points_page for stroke in strokes]) * px_per_mm
    reach = max(float(stroke.width_mm.max()) for stroke in strokes) * px_per_mm + 2
    left, top = np.maximum(np.floor(every.min(axis=0) - reach), 0).astype(int)
    right, bottom = np.ceil(every.max(axis=0) + reach).astype(int)
    tile = page[top:bottom, left:right]
    if tile.size == 0:
        return
    cover = _coverage(strokes, px_per_mm, (left, top), (tile.shape[0], tile.shape[1])) * strength
    tile[:] = np.rint(tile * (1 - cover[:, :, None] * (1 - ink_bgr))).astype(np.uint8)


def _coverage(
    strokes: list[Stroke], px_per_mm: float, origin: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.float64]:
    scale = px_per_mm * OVERSAMPLE
    mask = np.zeros((size[0] * OVERSAMPLE, size[1] * OVERSAMPLE), np.uint8)
    for stroke in strokes:
        # Sixteenths of a pixel; the half moves from "corner of the page" to "centre of the first pixel".
        points = stroke.points_page * scale - np.array(origin) * OVERSAMPLE - 0.5
        fixed = np.rint(points * 16).astype(np.int32)
        widths = np.maximum(1, np.rint(stroke.width_mm * scale)).astype(int)
        runs = np.flatnonzero(np.diff(widths)) + 1
        for run in np.split(np.arange(len(fixed)), runs):
            piece = fixed[run[0] : run[-1] + 2].reshape(-1, 1, 2)
            cv2.polylines(mask, [piece], False, 255, int(widths[run[0]]), cv2.LINE_AA, 4)
    shrunk = cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.float64) / 255
