"""The picture as registration looks at it: lit evenly, and with the perspective of its ruled lines removed."""

from dataclasses import dataclass

import cv2
import numpy as np

from ocr_pipeline.registration.coarse import Lines
from ocr_pipeline.registration.directions import (
    Segments,
    dominant_angles,
    find_segments,
    rectifying_homography,
    vanishing_point,
)
from ocr_pipeline.registration.page_map import project
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.ridges import flatten_light, line_map, ridge_map
from ocr_pipeline.values import Floats

_MAX_REACH_PX = 1100


@dataclass(frozen=True, slots=True)
class Area:
    """Roughly where a page lies: ``quad_photo`` (4, 2), and the directions of its rules in radians."""

    quad_photo: Floats
    angles: tuple[float, float]


@dataclass(frozen=True, slots=True)
class View:
    """The working picture's lines with the perspective removed, and the homography rectified px from photo px."""

    rect_from_photo: Floats
    lines: Lines


def rectified_view(pyramid: Pyramid, long_side_px: int, area: Area | None = None) -> View | None:
    """The lines of a photo as seen at right angles to the page.

    Args:
        pyramid: of the upright photo.
        long_side_px: of the working picture.
        area: look at the lines of this part of the photo only; ``None``: at all of them.

    Returns:
        The view, or ``None`` without two directions of lines.
    """
    scale = long_side_px / max(pyramid.level(0).shape)
    flat = flatten_light(pyramid.scaled(scale))
    segments = find_segments(flat)
    if area is None:
        angles = dominant_angles(segments)
    else:
        segments, angles = _within(segments, area, scale), _sorted_angles(area.angles)
    if angles is None:
        return None
    frame = (flat.shape[1], flat.shape[0])
    rng = np.random.default_rng(0)
    horizontal, vertical = (vanishing_point(segments, angle, frame, rng) for angle in angles)
    rect_from_work = rectifying_homography(horizontal, vertical, frame)
    corners = np.array([[0, 0], [frame[0], 0], [frame[0], frame[1]], [0, frame[1]]], np.float64)
    mapped = project(rect_from_work, corners)
    low = np.maximum(mapped.min(0), -_MAX_REACH_PX)
    high = np.minimum(mapped.max(0), np.array(frame) + _MAX_REACH_PX)
    rect_from_work = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1.0]]) @ rect_from_work
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    ridge = np.asarray(cv2.warpPerspective(ridge_map(flat), rect_from_work, size), np.float32)
    lines = Lines.of({axis: line_map(ridge, axis) for axis in ("h", "v")})
    return View(rect_from_work @ np.diag([scale, scale, 1.0]), lines)


def _within(segments: Segments, area: Area, scale: float) -> Segments:
    """Segments whose middle lies in the area; segments are in working px, the area in photo px."""
    quad = (area.quad_photo * scale).astype(np.float32)
    middle = (segments.a + segments.b) / 2
    return segments[np.array([cv2.pointPolygonTest(quad, (x, y), False) >= 0 for x, y in middle], bool)]


def _sorted_angles(angles: tuple[float, float]) -> tuple[float, float]:
    """The more horizontal direction first."""
    one, two = angles
    return (one, two) if abs(np.cos(one)) >= abs(np.cos(two)) else (two, one)
