"""How good a photo is where it matters, and the reason to give when it could not be read."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.values import Floats, Grey

DARK_LEVEL = 60
"""A photo whose brighter parts (95th percentile) stay below this is called dark when it cannot be read."""
SMALL_SIDE_PX = 500
"""A photo whose shorter side is below this is called too small when it cannot be read."""
_SOFT_GRADIENT = 0.14
"""Steepest edges (99.5th percentile, share of the contrast per px at 1,000 px) of a soft picture: real photos that are
read have 0.25 and more, their copies blurred beyond reading 0.1-0.2."""
_NOTHING_IN_IT = 20
"""A picture whose grey levels differ by less holds nothing that could be blurred."""


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


def reason_for_failure(grey: Grey, reason: str) -> str:
    """A better reason than "not found", where the picture as a whole shows one.

    Args:
        grey: uint8 (h, w).
        reason: what registration says; a reason other than ``not_a_form`` and ``not_registered`` is kept.

    Returns:
        ``too_dark``, ``low_resolution``, ``blurred`` or the given reason.
    """
    if reason not in ("not_a_form", "not_registered"):
        return reason
    thumbnail = grey[:: max(grey.shape[0] // 800, 1), :: max(grey.shape[1] // 800, 1)]
    dark, bright = np.percentile(thumbnail, (5, 95))
    if bright < DARK_LEVEL:
        return "too_dark"
    if min(grey.shape) < SMALL_SIDE_PX:
        return "low_resolution"
    scale = min(1.0, 1000 / max(grey.shape))
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    if float(bright - dark) < _NOTHING_IN_IT:
        return reason
    steep = float(np.percentile(_slope(np.asarray(small, np.float32)), 99.5))
    return "blurred" if steep < _SOFT_GRADIENT * float(bright - dark) else reason


def _slope(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Steepness in grey levels per px (Scharr's kernels sum to 32 over a step of two px)."""
    across, down = cv2.Scharr(picture, cv2.CV_32F, 1, 0), cv2.Scharr(picture, cv2.CV_32F, 0, 1)
    return np.asarray(np.hypot(across, down) / 32, np.float32)
