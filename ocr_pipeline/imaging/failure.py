"""The reason to give for a photo in which no page was found, from what the picture as a whole shows."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.imaging.ruling import Ruling, find_ruling
from ocr_pipeline.values import Grey

DARK_LEVEL: Final = 60
"""A photo whose brighter parts (95th percentile) stay below this is called dark when it cannot be read."""
SMALL_SIDE_PX: Final = 500
"""A photo whose shorter side is below this is called too small when it cannot be read."""
SOFT_PX: Final = 1.35
"""Blur (sigma of the sharpest tenth of the edges, px at 1,000 px) of a soft picture. Real photos that are read have at
most 1.30 (the photo of a screen), drawn pages blurred by 2 px at 1,000 px width 1.37 and more."""

_LONG_SIDE_PX: Final = 1000
_EDGE_CONTRAST: Final = 20
_EDGE_WINDOW_PX: Final = 15
_LEAST_EDGES: Final = 150
_WHITE: Final = 250
_PAPER_BELOW: Final = 228
"""Scans have paper of 232 and more beside their lines, drawn photos with glare at most 225."""
_LEAST_GLARE, _MOST_GLARE = 0.02, 0.6


def reason_for_failure(grey: Grey, reason: str) -> str:
    """A better reason than "not found", where the picture shows one.

    Args:
        grey: uint8 (h, w).
        reason: what registration says; a reason other than ``not_a_form`` and ``not_registered`` is kept.

    Returns:
        ``too_dark``, ``low_resolution``, ``blurred``, ``glare``, ``cropped``, the given reason, or ``unknown_form``
        instead of ``not_a_form`` where the lines of some form are there.
    """
    if reason not in ("not_a_form", "not_registered"):
        return reason
    picture = _small_copy(grey)
    if np.percentile(picture, 95) < DARK_LEVEL:
        return "too_dark"
    if min(grey.shape) < SMALL_SIDE_PX:
        return "low_resolution"
    if edge_blur_px(picture) > SOFT_PX:
        return "blurred"
    ruling = find_ruling(picture)
    if not ruling.is_form:
        return reason
    if _has_glare(picture, ruling):
        return "glare"
    if ruling.runs_out:
        return "cropped"
    return "unknown_form" if reason == "not_a_form" else reason


def has_rules(grey: Grey) -> bool:
    """Whether looking for a page by its lines can be worth the time: walls, animals and letters have too few of them.

    Args:
        grey: uint8 (h, w).
    """
    return find_ruling(_small_copy(grey)).may_be_form


def _small_copy(grey: Grey) -> Grey:
    """A copy of at most 1,000 px: what all is measured on here."""
    scale = min(1.0, _LONG_SIDE_PX / max(grey.shape))
    # Every second pixel of a large photo is enough for the average of an area.
    step = max(int(0.5 / scale), 1)
    size = (max(round(grey.shape[1] * scale), 1), max(round(grey.shape[0] * scale), 1))
    return np.asarray(cv2.resize(grey[::step, ::step], size, interpolation=cv2.INTER_AREA), np.uint8)


def edge_blur_px(picture: Grey) -> float:
    """Blur of the sharpest edges of a picture, as the sigma of a Gaussian in px.

    Each edge is measured by itself, by the contrast around it over its slope (see
    :func:`~ocr_pipeline.imaging.quality.blur_px`), so that neither the bold outline of the sheet nor a pale print
    decides. The worse of the two directions counts: a moved camera smears one of them only.

    Args:
        picture: uint8 (h, w).

    Returns:
        Sigma in px of the tenth percentile of the edges; 0 for a picture with hardly an edge.
    """
    if min(picture.shape) < _EDGE_WINDOW_PX:
        return 0.0
    soft = cv2.GaussianBlur(picture, (3, 3), 0)
    across, down = cv2.Scharr(soft, cv2.CV_16S, 1, 0), cv2.Scharr(soft, cv2.CV_16S, 0, 1)
    window = np.ones((_EDGE_WINDOW_PX, _EDGE_WINDOW_PX), np.uint8)
    contrast = np.asarray(cv2.morphologyEx(soft, cv2.MORPH_GRADIENT, window), np.uint8)
    dark, bright = np.percentile(picture, (5, 95))
    bold = contrast > max(_EDGE_CONTRAST, 0.2 * float(bright - dark))
    worst = 0.0
    for one, other in ((across, down), (down, across)):
        worst = max(worst, _sharpest_tenth(np.abs(one), np.abs(other), contrast, bold))
    return worst


def _sharpest_tenth(
    slope: NDArray[np.int16], aside: NDArray[np.int16], contrast: Grey, bold: NDArray[np.bool_]
) -> float:
    """Sigma of the edges that face one direction, within 22 degrees; 0 where they are few."""
    crest = np.asarray(cv2.dilate(slope, np.ones((5, 5), np.uint8)), np.int16)
    y, x = np.nonzero(bold & (slope >= crest) & (slope > 64) & (aside < 0.4 * slope))
    if len(y) < _LEAST_EDGES:
        return 0.0
    # Scharr's kernels sum to 32 over a step of two px.
    sigmas = contrast[y, x] * 32.0 / (slope[y, x] * np.sqrt(2 * np.pi))
    return float(np.percentile(sigmas, 10))


def _has_glare(picture: Grey, ruling: Ruling) -> bool:
    """Whether a blown-out spot lies on the form: white without any line, where the paper elsewhere is not white."""
    if ruling.paper >= _PAPER_BELOW:
        return False
    white = cv2.morphologyEx(np.asarray(picture >= _WHITE, np.uint8), cv2.MORPH_OPEN, np.ones((15, 15), np.uint8))
    ends = np.concatenate([ruling.across, ruling.down]).reshape(-1, 2)
    (x0, y0), (x1, y1) = np.percentile(ends, (5, 95), axis=0).astype(int)
    share = float(white[y0 : y1 + 1, x0 : x1 + 1].mean())
    return _LEAST_GLARE <= share <= _MOST_GLARE
