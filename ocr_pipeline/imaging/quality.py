"""How good a photo is where it matters: on the cells of its numbers."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.values import Floats, Grey

_STRIPS: Final = 12
_STRIP_PX: Final = (8, 40)
_MARGIN: Final = 0.12
"""Share of a number's height by which a cell strip reaches over it, so that the printed rules are in it."""
_WHITE: Final = 245
_WHITER: Final = 10
_GONE: Final = 14
_PRINTED: Final = 30
_DARK_CELLS: Final = 30
"""Paper of the cells darker than this is too dark; the darkest real photo that is read has 86, a drawn one 34."""


def blur_px(grey: Grey, quads_photo: Sequence[Floats]) -> float:
    """Blur of the printed edges around given areas, as the sigma of a Gaussian in photo px.

    A step edge blurred by sigma has a steepest slope of contrast / (sigma * sqrt(2 pi)); the printed rules around every
    number are such edges. Takes the median over the areas.

    Args:
        grey: uint8 (h, w).
        quads_photo: areas, each (4, 2), photo px.

    Returns:
        Sigma in px, at least 0.4 (a perfectly sharp edge between two pixels).
    """
    sigmas = []
    for quad in quads_photo:
        side = float(np.hypot(*(quad[3] - quad[0])))
        low = np.maximum(np.floor(quad.min(0) - 0.3 * side), 0).astype(int)
        high = np.ceil(quad.max(0) + 0.3 * side).astype(int) + 1
        part = grey[low[1] : high[1], low[0] : high[0]].astype(np.float32)
        if min(part.shape) < 5:
            continue
        slope = _slope(np.asarray(cv2.GaussianBlur(part, (3, 3), 0), np.float32))
        dark, bright = np.percentile(part, (2, 90))
        if bright - dark < 4:
            continue
        steepest = float(np.percentile(slope, 99)) / float(bright - dark)
        sigmas.append(1 / (steepest * np.sqrt(2 * np.pi)))
    return float(max(np.median(sigmas), 0.4)) if sigmas else float("inf")


def sharpness(sigma_px: float) -> float:
    """0 (no edge left) to 1 (as sharp as the resolution allows) from a blur in px."""
    return float(min(1.0, 1.2 / sigma_px))


def glare(grey: Grey, quads_photo: Sequence[Floats]) -> Floats:
    """How much of each number is washed out by a reflection.

    Glare is where the printed rules of the boxes have vanished in white, and that white is whiter than the paper
    elsewhere. A clean scan is white all over and has its rules, a worn print has grey paper where they are missing:
    neither is glare.

    Args:
        grey: uint8 (h, w).
        quads_photo: corners of each number's boxes, each (4, 2), photo px, clockwise from the top-left.

    Returns:
        Shape (numbers,), float64: share of the number's width that is washed out, 0-1.
    """
    cells = [_strips(grey, quad) for quad in quads_photo]
    if not cells:
        return np.zeros(0)
    bright = np.array([np.median(c, axis=(1, 2)) for c in cells])
    dark = np.array([np.percentile(c, 5, axis=(1, 2)) for c in cells])
    printed = bright - dark >= _PRINTED
    # The halo of a reflection whitens the neighbours' paper: the picture as a whole has a say as well.
    paper = min(float(np.median(level)) for level in (bright[printed], grey[::8, ::8]) if level.size)
    washed_out = (bright - dark < _GONE) & (bright >= max(_WHITE, paper + _WHITER))
    return np.asarray(washed_out.mean(axis=1), np.float64)


def too_dark(grey: Grey, quads_photo: Sequence[Floats]) -> bool:
    """Whether the paper of the cells is so dark that nobody should read what is written there.

    Args:
        grey: uint8 (h, w).
        quads_photo: corners of each number's boxes, as for :func:`glare`.
    """
    return bool(quads_photo) and paper_level(grey, quads_photo) < _DARK_CELLS


def paper_level(grey: Grey, quads_photo: Sequence[Floats]) -> float:
    """Grey level of the paper in the cells, 0-255: median over the numbers of their brighter parts."""
    return float(np.median([np.percentile(_strips(grey, quad), 75) for quad in quads_photo]))


def _strips(grey: Grey, quad_photo: Floats) -> NDArray[np.uint8]:
    """The boxes of a number, upright, in strips side by side: (strips, height, width); outside the photo 0."""
    width, height = _STRIPS * _STRIP_PX[0], _STRIP_PX[1]
    top, bottom = height * _MARGIN / (1 + 2 * _MARGIN), height * (1 + _MARGIN) / (1 + 2 * _MARGIN)
    place = np.array([[0, top], [width, top], [width, bottom], [0, bottom]], np.float32)
    upright = cv2.getPerspectiveTransform(np.asarray(quad_photo, np.float32), place)
    patch = cv2.warpPerspective(grey, upright, (width, height), flags=cv2.INTER_LINEAR)
    return np.asarray(patch, np.uint8).reshape(height, _STRIPS, -1).transpose(1, 0, 2)


def _slope(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Steepness in grey levels per px (Scharr's kernels sum to 32 over a step of two px)."""
    across, down = cv2.Scharr(picture, cv2.CV_32F, 1, 0), cv2.Scharr(picture, cv2.CV_32F, 0, 1)
    return np.asarray(np.hypot(across, down) / 32, np.float32)
