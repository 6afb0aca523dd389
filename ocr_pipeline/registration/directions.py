"""The two directions in which a form's rules run, and the view in which they run straight.

Rules of a page meet in two vanishing points. Sending both to infinity removes the perspective without knowing the form:
what is left is an upright (or quarter-turned) page up to scale and shift along each axis.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ocr_pipeline.registration.ridges import Ridge
from ocr_pipeline.values import Floats

_DETECT_SCALE = 0.6
_MIN_LENGTH_SHARE = 0.018
_RANSAC_DRAWS = 120
_INLIER_SIN = np.sin(np.deg2rad(0.6))


@dataclass(frozen=True, slots=True)
class Segments:
    """Straight pieces: ends ``a`` and ``b``, shape (n, 2), px; ``length`` px; ``angle`` radians in [0, pi)."""

    a: Floats
    b: Floats
    length: Floats
    angle: Floats

    def __getitem__(self, keep: np.ndarray) -> "Segments":
        return Segments(self.a[keep], self.b[keep], self.length[keep], self.angle[keep])


def find_segments(flat: Ridge) -> Segments:
    """Line segments of a light-flattened picture (float32 0-1), in its own pixels."""
    small = cv2.resize(flat, None, fx=_DETECT_SCALE, fy=_DETECT_SCALE, interpolation=cv2.INTER_AREA)
    # None in a picture without lines, whatever the type stub says.
    found: Any = cv2.createLineSegmentDetector(0).detect(np.asarray(small * 255, np.uint8))[0]
    ends = np.zeros((0, 4)) if found is None else np.asarray(found, np.float64).reshape(-1, 4)
    ends = (ends + 0.5) / _DETECT_SCALE - 0.5
    delta = ends[:, 2:] - ends[:, :2]
    length = np.hypot(delta[:, 0], delta[:, 1])
    angle = np.arctan2(delta[:, 1], delta[:, 0]) % np.pi
    keep = length > _MIN_LENGTH_SHARE * max(flat.shape)
    return Segments(ends[:, :2], ends[:, 2:], length, angle)[keep]


def dominant_angles(segments: Segments) -> tuple[float, float] | None:
    """The two strongest directions, 65-115 degrees apart, the more horizontal one first; ``None`` without lines."""
    if len(segments.length) < 8:
        return None
    histogram, _ = np.histogram(np.rad2deg(segments.angle), bins=180, range=(0, 180), weights=segments.length**1.5)
    offsets = np.minimum(np.arange(180), 180 - np.arange(180))
    kernel = np.exp(-0.5 * (offsets / 3.0) ** 2)
    smooth = np.real(np.fft.ifft(np.fft.fft(histogram) * np.fft.fft(kernel)))
    best, best_pair = -1.0, (0, 90)
    for apart in range(65, 116):
        # Geometric mean: one strong direction alone (floor boards, a keyboard) is no form.
        score = np.sqrt(np.clip(smooth, 0, None) * np.clip(np.roll(smooth, -apart), 0, None))
        i = int(np.argmax(score))
        if score[i] > best:
            best, best_pair = float(score[i]), (i, (i + apart) % 180)
    if best <= 0:
        return None
    one, two = (np.deg2rad(d + 0.5) for d in best_pair)
    return (one, two) if abs(np.cos(one)) >= abs(np.cos(two)) else (two, one)


def vanishing_point(segments: Segments, angle: float, frame_wh: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Where segments near ``angle`` meet: homogeneous (3,), px relative to the frame's centre; at infinity if in doubt.

    RANSAC over pairs, weighted by length, then four reweighted least-squares steps. A point closer than 1.2 half-frames
    to the centre, or one hardly better than parallel lines, is refused in favour of the parallel direction.
    """
    centre = np.array(frame_wh, np.float64) / 2
    apart = np.abs((segments.angle - angle + np.pi / 2) % np.pi - np.pi / 2)
    near = segments[apart < np.deg2rad(14)]
    parallel = np.array([np.cos(angle), np.sin(angle), 0.0])
    if len(near.length) < 4:
        return parallel
    a, b = near.a - centre, near.b - centre
    middle = (a + b) / 2
    direction = (b - a) / near.length[:, None]
    lines = np.cross(np.c_[a, np.ones(len(a))], np.c_[b, np.ones(len(b))])
    lines /= np.linalg.norm(lines[:, :2], axis=1, keepdims=True)
    weight = near.length

    def residual(point: Floats) -> Floats:
        """Sine of the angle between each segment and the ray from its middle to the point."""
        ray = point[:2] - middle * point[2]
        ray = ray / np.maximum(np.linalg.norm(ray, axis=1, keepdims=True), 1e-9)
        return np.asarray(np.abs(ray[:, 0] * direction[:, 1] - ray[:, 1] * direction[:, 0]))

    def support(point: Floats) -> float:
        return float(np.sum(weight * np.clip(1 - (residual(point) / _INLIER_SIN) ** 2, 0, None)))

    mean = np.sum(weight[:, None] * direction * np.sign(direction @ parallel[:2])[:, None], axis=0)
    parallel = np.array([*(mean / max(np.linalg.norm(mean), 1e-9)), 0.0])
    best, best_support = parallel, support(parallel)
    picks = rng.choice(len(lines), size=(_RANSAC_DRAWS, 2), p=weight / weight.sum())
    for i, j in picks:
        crossing = np.cross(lines[i], lines[j])
        if np.linalg.norm(crossing[:2]) < 1e-6 * (1 + abs(crossing[2])):
            continue  # the same line twice, or a crossing at the centre of the frame
        point = _unit(crossing)
        if support(point) > best_support:
            best, best_support = point, support(point)
    best = _polish(best, lines, middle, weight, residual)
    far = np.linalg.norm(best[:2]) > 1.2 * max(frame_wh) / 2 * abs(best[2])
    return best if far and support(best) > 1.03 * support(parallel) else parallel


def _polish(
    point: Floats, lines: Floats, middle: Floats, weight: Floats, residual: Callable[[Floats], Floats]
) -> Floats:
    scale = float(np.abs(middle).max()) or 1.0
    normal = np.diag([1 / scale, 1 / scale, 1.0])
    for _ in range(4):
        r = residual(point)
        distance = np.linalg.norm(point[:2] - middle * point[2], axis=1)
        w = weight / (1 + (r / _INLIER_SIN) ** 2) / np.maximum(distance, 1e-6) * distance.max()
        w = np.where(r < 3 * _INLIER_SIN, w, 0)
        if np.count_nonzero(w) < 3:
            break
        rows = (lines @ np.linalg.inv(normal)) * w[:, None]
        point = _unit(np.linalg.inv(normal) @ np.linalg.svd(rows, full_matrices=False)[2][-1])
    return point


def _unit(point: Floats) -> Floats:
    """Scales a homogeneous point so that its first two entries have length 1 (points here are far away)."""
    return np.asarray(point / max(float(np.linalg.norm(point[:2])), 1e-12))


def rectifying_homography(horizontal: Floats, vertical: Floats, frame_wh: tuple[int, int]) -> Floats:
    """Sends two vanishing points to the axes; shape (3, 3), rectified px from frame px, unit scale at the centre."""
    centre = np.array(frame_wh, np.float64) / 2
    infinity = np.cross(horizontal, vertical)
    projective = np.eye(3)
    projective[2] = infinity / infinity[2]
    x, y = (projective @ horizontal)[:2], (projective @ vertical)[:2]
    x, y = x * np.sign(x[0] or 1.0), y * np.sign(y[1] or 1.0)
    basis = np.eye(3)
    basis[:2, :2] = np.column_stack([x / np.linalg.norm(x), y / np.linalg.norm(y)])
    to_centre = np.array([[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, 1.0]])
    return np.asarray(np.linalg.inv(to_centre) @ np.linalg.inv(basis) @ projective @ to_centre)
