"""Ink of drawn boxes: digits composed of public symbols or of strokes, fillers, dashes, and how ink lies on paper."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.values import CLASSES

Grey = NDArray[np.uint8]
Mask = NDArray[np.float32]
"""How much of each px is ink (0..1), or grey levels while a box is drawn."""

Symbols = dict[int, list[Grey]]
"""Loose symbols per class, ink bright on black."""

FILLER, DASH, BLANK = CLASSES.index("X"), CLASSES.index("-"), CLASSES.index("_")

_SEGMENTS: dict[int, tuple[tuple[tuple[float, float], ...], ...]] = {
    0: (((0, 0), (1, 0), (1, 2), (0, 2), (0, 0)),),
    1: (((0.5, 0), (0.5, 2)),),
    2: (((0, 0), (1, 0), (1, 1), (0, 1), (0, 2), (1, 2)),),
    3: (((0, 0), (1, 0), (1, 2), (0, 2)), ((0, 1), (1, 1))),
    4: (((0, 0), (0, 1), (1, 1)), ((1, 0), (1, 2))),
    5: (((1, 0), (0, 0), (0, 1), (1, 1), (1, 2), (0, 2)),),
    6: (((1, 0), (0, 0), (0, 2), (1, 2), (1, 1), (0, 1)),),
    7: (((0, 0), (1, 0), (1, 2)),),
    8: (((0, 0), (1, 0), (1, 2), (0, 2), (0, 0)), ((0, 1), (1, 1))),
    9: (((1, 1), (0, 1), (0, 0), (1, 0), (1, 2), (0, 2)),),
}
"""Squared digits as the dotted guide suggests them: strokes over a grid one wide and two high."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a drawn box lies, px of its canvas.

    Attributes:
        left: outer left edge; the others alike.
        top: outer top edge.
        right: outer right edge.
        bottom: outer bottom edge.
    """

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Outer width."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Outer height."""
        return self.bottom - self.top

    @property
    def shorter(self) -> float:
        """The shorter side, which pens and digits keep to."""
        return min(self.width, self.height)

    @property
    def centre(self) -> NDArray[np.float64]:
        """Centre (x, y)."""
        return np.array([(self.left + self.right) / 2, (self.top + self.bottom) / 2])

    def moved(self, x: float, y: float) -> "Frame":
        """The same box elsewhere."""
        return Frame(self.left + x, self.top + y, self.right + x, self.bottom + y)


def line(mask: Mask, points: NDArray[np.float64], width_px: float) -> None:
    """Anti-aliased polyline of a fractional width."""
    fixed = np.round(points * 16).astype(np.int32).reshape(-1, 1, 2)
    thick = max(1, int(width_px))
    layer = np.zeros(mask.shape, np.uint8)
    cv2.polylines(layer, [fixed], False, 255, thick, cv2.LINE_AA, 4)
    if width_px - thick > 0.3 and thick < 8:
        wider = np.zeros(mask.shape, np.uint8)
        cv2.polylines(wider, [fixed], False, 255, thick + 1, cv2.LINE_AA, 4)
        layer = np.asarray(cv2.addWeighted(layer, 0.5, wider, 0.5, 0), np.uint8)
    np.maximum(mask, layer.astype(np.float32) / 255, out=mask)


def lay(canvas: Mask, mask: Mask, ink: float) -> None:
    """Darken the canvas to a grey level where the mask says so."""
    canvas += mask * (np.minimum(np.float32(ink), canvas) - canvas)


def pasted(mask: Mask, picture: Mask, centre: NDArray[np.float64]) -> Mask:
    """A picture of ink with its middle at a point of an empty canvas of the mask's size."""
    size = np.array(picture.shape[::-1])
    move = np.hstack([np.eye(2), (centre - size / 2)[:, np.newaxis]])
    return np.asarray(cv2.warpAffine(picture, move, mask.shape[::-1]), np.float32)


def add_squared_digit(mask: Mask, label: int, frame: Frame, rng: np.random.Generator) -> None:
    """A digit along the seven segments of the writing guide."""
    width, height = frame.width, frame.height
    wide, tall = rng.uniform(0.26, 0.5) * width, rng.uniform(0.25, 0.38) * height
    start_x, start_y = frame.centre - (wide / 2, tall) + rng.normal(0, 1, 2) * (0.05 * width, 0.04 * height)
    if label == 1:
        start_x += rng.choice([-0.5, 0.0, 0.0, 0.5]) * wide * 0.8
    thick = rng.uniform(1.0, 4.5)
    slant = rng.normal(0, 0.08)
    for stroke in _SEGMENTS[label]:
        points = np.array(stroke, np.float64) + rng.normal(0, 0.06, (len(stroke), 2))
        scaled = np.stack([start_x + points[:, 0] * wide, start_y + points[:, 1] * tall], axis=1)
        scaled[:, 0] -= slant * (scaled[:, 1] - start_y)
        line(mask, scaled, thick)


def indonesian_strokes(label: int, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Strokes of a 1, 2, 3 or 7 as it is written here and hardly in the public sets.

    A 1 has a flag that rises steeply, at times a foot; a 7 a level top, at times a bar or a drop at its left; a 3 a
    level top and a small bowl. Telling a long flag from a level top is what tells 1 from 7. A 2 has a looped head, like
    that of a 9, and stands on a wave.

    Returns:
        Polylines (n, 2) in heights of the digit, its middle near (0, 0.5).
    """
    if label == 1:
        out = rng.uniform(0.1, 0.42)
        flag = np.array([(-out, out * rng.uniform(0.65, 1.6)), (0, 0)])
        foot = np.array([(-0.2, 1.0), (0.2, 1.0)]) * rng.uniform(0.5, 1.2, (1, 2)) ** (1, 0)
        return [
            flag,
            bent(flag[1], np.array([0.0, 1.0]), rng.normal(0, 0.02)),
            *([foot] if rng.random() < 0.25 else []),
        ]
    if label == 7:
        wide = rng.uniform(0.42, 0.75)
        corner = np.array([wide / 2, rng.normal(0, 0.03)])
        top = np.array([(-wide / 2, rng.normal(0.01, 0.03)), corner])
        if rng.random() < 0.4:
            top = np.vstack([top[:1] + (rng.normal(0, 0.02), rng.uniform(0.06, 0.2)), top])
        end = np.array([wide * rng.uniform(-0.45, 0.3), 1.0])
        strokes = [top, bent(corner, end, rng.normal(-0.03, 0.04))]
        if rng.random() < 0.3:
            middle = (corner + end) / 2
            strokes.append(middle + np.array([(-1, 0), (1, rng.normal(0, 0.2))]) * rng.uniform(0.1, 0.24))
        return strokes
    if label == 2:
        return [_looped_two(rng)]
    wide, waist = rng.uniform(0.35, 0.6), rng.uniform(0.35, 0.55)
    turn = np.linspace(-0.45, 0.95, 9)[:, np.newaxis] * np.pi / 2
    bowl = np.hstack([wide * (np.cos(turn) - 0.5) * rng.uniform(0.7, 1), (1 + waist + (1 - waist) * np.sin(turn)) / 2])
    return [np.vstack([[(-wide / 2, rng.normal(0, 0.03)), (wide / 2, 0), (rng.uniform(-0.1, 0.1), waist)], bowl])]


def _looped_two(rng: np.random.Generator) -> NDArray[np.float64]:
    """One stroke: round the head from below or from the left, down to the corner, at times a small loop, a wave."""
    head = np.array([rng.uniform(0.12, 0.27), rng.uniform(0.14, 0.26)])
    around = np.deg2rad(np.linspace(rng.uniform(50, 190), rng.uniform(375, 425), 14))
    top = np.stack([np.cos(around), np.sin(around)], axis=1) * head + (rng.normal(0, 0.03), head[1])
    corner = np.array([rng.uniform(-0.34, -0.12), rng.uniform(0.86, 1.0)])
    neck = bent(top[-1], corner, rng.normal(0.08, 0.08))
    foot = np.zeros((0, 2))
    if rng.random() < 0.45:
        small = rng.uniform(0.03, 0.09)
        turn = np.deg2rad(np.linspace(60, 400, 8))
        foot = corner + (0.0, -small) + np.stack([-np.sin(turn), np.cos(turn)], axis=1) * small * (1.3, 1.0)
    along = np.linspace(0, 1, 7)[:, np.newaxis]
    end = np.array([rng.uniform(0.12, 0.42), rng.uniform(0.84, 1.06)])
    wave = corner + (end - corner) * along
    wave[:, 1:] += rng.normal(0, 0.05) * np.sin(2 * np.pi * along)
    return np.vstack([top, neck[1:], foot, wave])


def add_strokes(
    mask: Mask, strokes: list[NDArray[np.float64]], frame: Frame, pen_px: float, rng: np.random.Generator
) -> None:
    """Strokes in heights of a digit, drawn at a random size and place of the box."""
    height = min(rng.uniform(0.3, 0.85) * frame.height, rng.uniform(0.45, 1.2) * frame.width)
    spare = np.array([frame.width - 0.5 * height, frame.height - height])
    at = frame.centre + spare / 2 * np.clip(rng.normal(0, 0.4, 2), -1, 1)
    shear = rng.normal(0.1, 0.12)
    for stroke in strokes:
        points = stroke + rng.normal(0, 0.012, stroke.shape) - (0, 0.5)
        points[:, 0] -= shear * points[:, 1]
        line(mask, at + points * height, pen_px)


def add_filler(mask: Mask, frame: Frame, rng: np.random.Generator) -> None:
    """An X of two strokes: upright as a plus, small, wide, or from corner to corner; some strokes end in a hook."""
    side = np.array([frame.width, frame.height])
    centre = frame.centre
    if rng.random() < 0.25:
        half = side / 2 * rng.uniform(0.9, 1.04, 2)
    else:
        wide = rng.uniform(0.22, 0.75) * frame.shorter
        tall = np.clip(wide * np.exp(rng.normal(0.25, 0.25)), 0.22 * frame.shorter, 0.95 * frame.height)
        half = np.array([wide, tall]) / 2
        centre = centre + rng.normal(0, 1, 2) * 0.08 * side
    turn = rng.uniform(-0.25, 0.25) if rng.random() < 0.85 else np.pi / 4 + rng.normal(0, 0.15)
    turning = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    thick = rng.uniform(1.0, 4.0)
    for sign in (1.0, -1.0):
        direction = turning @ (half * np.array([1.0, sign]))
        jitter = rng.normal(0, 0.05, (2, 2)) * frame.shorter
        stroke = bent(centre - direction + jitter[0], centre + direction + jitter[1], rng.normal(0, 0.05))
        line(mask, stroke, thick)
        if rng.random() < 0.2:
            end = stroke[0] if rng.random() < 0.5 else stroke[-1]
            line(mask, np.stack([end, end + rng.normal(0, 0.08, 2) * frame.shorter]), thick)


def add_dash(mask: Mask, frame: Frame, rng: np.random.Generator) -> None:
    """A dash, sometimes two."""
    reach = rng.uniform(0.16, 0.85) * frame.width / 2
    centre = frame.centre + rng.normal(0, 1, 2) * np.array([0.07 * frame.width, 0.08 * frame.height])
    tilt = np.deg2rad(rng.normal(0, 8))
    direction = np.array([np.cos(tilt), np.sin(tilt)]) * reach
    thick = rng.uniform(1.0, 4.5)
    line(mask, bent(centre - direction, centre + direction, rng.normal(0, 0.04)), thick)
    if rng.random() < 0.1:
        offset = np.array([0, rng.uniform(2, 5)])
        line(mask, bent(centre - direction + offset, centre + direction + offset, rng.normal(0, 0.04)), thick)


def bent(start: NDArray[np.float64], end: NDArray[np.float64], bend: float) -> NDArray[np.float64]:
    """A shallow curve from start to end; bend is its rise as a share of its length."""
    share = np.linspace(0, 1, 9)[:, np.newaxis]
    across = np.array([start[1] - end[1], end[0] - start[0]])
    return np.asarray(start + (end - start) * share + across * bend * 4 * share * (1 - share), np.float64)


def written(glyph: Grey, width_px: float, height_px: float, pen_px: float) -> Mask:
    """A public symbol at another size, written with another pen.

    The distance of each px to the edge of the ink is kept and its zero moved, so a stroke grows or shrinks evenly. It
    never shrinks below half its own width, where thin parts would vanish and a digit fall apart.

    Args:
        glyph: ink bright on black, cropped to the ink.
        width_px: of the ink wanted, > 0.
        height_px: likewise.
        pen_px: width of the pen wanted.

    Returns:
        (h, w) float32 in 0..1, the ink in the middle of an empty border.
    """
    size = max(4, round(2 * width_px)), max(4, round(2 * height_px))
    scaled = cv2.resize(glyph, size, interpolation=cv2.INTER_CUBIC)
    border = int(pen_px) + 4
    ink = (cv2.copyMakeBorder(scaled, border, border, border, border, cv2.BORDER_CONSTANT) > 110).astype(np.uint8)
    inside = cv2.distanceTransform(ink, cv2.DIST_L2, 3)
    outside = cv2.distanceTransform(1 - ink, cv2.DIST_L2, 3)
    own = float(np.percentile(inside[inside > 0], 85)) if ink.any() else 1.0
    grown = np.clip(inside - outside + max(pen_px, 0.5 * own) - own + 0.5, 0, 1)
    half = (grown.shape[1] // 2, grown.shape[0] // 2)
    return np.asarray(cv2.resize(grown.astype(np.float32), half, interpolation=cv2.INTER_AREA), np.float32)
