"""Boxes drawn from scratch: printed frame, writing guide, paper, dirt, neighbouring ink, and a symbol inside.

Real blanks and dashes are rare and X has few writers, so these are drawn as strongly as the digits. Guide geometry:
measured on page 2 of the 2024 form, shares of the box's outer side (21.0 mm, rule 1.05 mm).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Mask = NDArray[np.float32]

SIDE_PX = 64
_DASH, _FILLER, _BLANK = 11, 10, 12
_GUIDE_COLUMNS = (0.302, 0.400, 0.498, 0.595, 0.695)
_GUIDE_ROWS = (0.186, 0.265, 0.343, 0.424, 0.502, 0.581, 0.660, 0.738, 0.819)
_GUIDE_DOT = 0.033

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
    """Where a drawn box lies, px of the 64 x 64 crop.

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


def draw_box(label: int, symbols: dict[int, list[NDArray[np.uint8]]], rng: np.random.Generator) -> Grey:
    """One drawn box of a class.

    Args:
        label: class index, 0..12.
        symbols: loose symbols per class, ink bright on black.
        rng: source of every choice.

    Returns:
        (64, 64) uint8 grey.
    """
    paper = rng.uniform(120, 245)
    canvas = np.full((SIDE_PX, SIDE_PX), paper, np.float32)
    frame = _random_frame(rng)
    table = rng.random() < 0.25
    _draw_frame(canvas, frame, paper, table, rng)
    if rng.random() < 0.6:
        _draw_guide(canvas, frame, paper * rng.uniform(0.72, 0.96))
    if rng.random() < (0.45 if label == _BLANK else 0.2):
        _lay(canvas, _neighbour_ink(frame, rng), paper * rng.uniform(0.15, 0.7))
    if rng.random() < (0.5 if label == _BLANK else 0.25):
        _dirt(canvas, paper, rng)
    if label != _BLANK:
        pale = rng.random() < 0.2 and not table
        ink = paper * (rng.uniform(0.6, 0.82) if pale else rng.uniform(0.08, 0.62))
        _lay(canvas, _symbol(label, symbols, frame, rng), ink)
    if rng.random() < 0.35:
        grain = rng.standard_normal((SIDE_PX, SIDE_PX), dtype=np.float32) * np.float32(rng.uniform(1, 8))
        canvas += cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 1.5))
    if table and rng.random() < 0.5:
        # The 2019 scans are binarised and averaged down again.
        canvas = np.where(canvas < paper * rng.uniform(0.72, 0.88), np.float32(10), np.float32(250))
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.5, 1.2)), np.float32)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def _random_frame(rng: np.random.Generator) -> Frame:
    side = SIDE_PX * rng.uniform(0.76, 0.92)
    width, height = side * np.exp(rng.normal(0, 0.03)), side * np.exp(rng.normal(0, 0.03))
    centre_x, centre_y = SIDE_PX / 2 + rng.normal(0, 1.0), SIDE_PX / 2 + rng.normal(0, 1.0)
    return Frame(centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2)


def _line(mask: Mask, points: NDArray[np.float64], width_px: float) -> None:
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


def _lay(canvas: Mask, mask: Mask, ink: float) -> None:
    canvas += mask * (np.minimum(np.float32(ink), canvas) - canvas)


def _draw_frame(canvas: Mask, frame: Frame, paper: float, table: bool, rng: np.random.Generator) -> None:
    side = frame.right - frame.left
    width = side * rng.uniform(0.02, 0.062)
    ink = paper * rng.uniform(0.08, 0.6)
    reach = 40.0 if table else 0.0
    inset = width / 2
    left, top, right, bottom = frame.left + inset, frame.top + inset, frame.right - inset, frame.bottom - inset
    mask = np.zeros_like(canvas)
    lines = [
        [(left - reach, top), (right + reach, top)],
        [(left - reach, bottom), (right + reach, bottom)],
        [(left, top - reach * rng.integers(0, 2)), (left, bottom + reach * rng.integers(0, 2))],
        [(right, top - reach * rng.integers(0, 2)), (right, bottom + reach * rng.integers(0, 2))],
    ]
    if not table and rng.random() < 0.5:
        # The next box of the number starts 2.5 mm further on.
        gap = side * 0.12
        lines.append([(right + gap, top), (right + gap, bottom)])
        lines.append([(left - gap, top), (left - gap, bottom)])
    for ends in lines:
        _line(mask, np.array(ends, np.float64), width)
    _lay(canvas, mask, ink)


def _draw_guide(canvas: Mask, frame: Frame, grey: float) -> None:
    width, height = frame.right - frame.left, frame.bottom - frame.top
    half = max(0.5, _GUIDE_DOT * width / 2)
    mask = np.zeros_like(canvas)
    for row, share_y in enumerate(_GUIDE_ROWS):
        for column, share_x in enumerate(_GUIDE_COLUMNS):
            if column % 2 == 1 and row % 4 != 0:
                continue
            x, y = frame.left + share_x * width, frame.top + share_y * height
            mask[round(y - half) : round(y + half) + 1, round(x - half) : round(x + half) + 1] = 0.6
    _lay(canvas, mask, grey)


def _neighbour_ink(frame: Frame, rng: np.random.Generator) -> Mask:
    """A stroke that belongs to the next box or row and crosses the frame a little."""
    mask = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    width, height = frame.right - frame.left, frame.bottom - frame.top
    edge = int(rng.integers(0, 4))
    along, depth = rng.uniform(-0.1, 1.1, 2), rng.uniform(-0.15, 0.14, 2)
    points = [(along[i], depth[i]) if edge < 2 else (depth[i], along[i]) for i in range(2)]
    if edge % 2 == 1:
        points = [(x, 1 - y) if edge < 2 else (1 - x, y) for x, y in points]
    scaled = np.array([(frame.left + x * width, frame.top + y * height) for x, y in points])
    _line(mask, scaled, rng.uniform(1, 3.5))
    return mask


def _dirt(canvas: Mask, paper: float, rng: np.random.Generator) -> None:
    """Specks, smudges and a ghost of writing on the other side of the paper."""
    mask = np.zeros_like(canvas)
    for _ in range(int(rng.integers(1, 5))):
        centre = (int(rng.integers(4, 60)), int(rng.integers(4, 60)))
        cv2.circle(mask, centre, int(rng.integers(0, 3)), float(rng.uniform(0.2, 1.0)), -1, cv2.LINE_AA)
    _lay(canvas, mask, paper * rng.uniform(0.3, 0.9))
    if rng.random() < 0.4:
        ghost = np.zeros_like(canvas)
        _line(ghost, rng.uniform(8, 56, (3, 2)), rng.uniform(2, 5))
        ghost = np.asarray(cv2.GaussianBlur(ghost, (0, 0), rng.uniform(1.5, 4)), np.float32)
        _lay(canvas, ghost * np.float32(rng.uniform(0.1, 0.5)), paper * rng.uniform(0.8, 0.93))


def _symbol(label: int, symbols: dict[int, list[NDArray[np.uint8]]], frame: Frame, rng: np.random.Generator) -> Mask:
    if label == _FILLER and rng.random() < 0.7:
        return _drawn_filler(frame, rng)
    if label == _DASH and rng.random() < 0.8:
        return _drawn_dash(frame, rng)
    if label < 10 and rng.random() < 0.3:
        return _squared_digit(label, frame, rng)
    return _written_symbol(label, symbols[label], frame, rng)


def _written_symbol(label: int, glyphs: list[NDArray[np.uint8]], frame: Frame, rng: np.random.Generator) -> Mask:
    glyph = glyphs[int(rng.integers(0, len(glyphs)))].astype(np.float32) / 255
    side = frame.right - frame.left
    height = side * (rng.uniform(0.03, 0.1) if label == _DASH else rng.uniform(0.4, 0.84))
    width = height * glyph.shape[1] / glyph.shape[0] * np.exp(rng.normal(0, 0.12))
    limit = side * 0.86
    width = min(limit, side * rng.uniform(0.2, 0.8) if label == _DASH else width)
    size = (max(2, round(width)), max(2, round(height)))
    scaled = np.asarray(cv2.resize(glyph, size, interpolation=cv2.INTER_CUBIC), np.float32)
    cut = rng.uniform(0.25, 0.6)
    scaled = np.clip((scaled - cut) / 0.3 + 0.5, 0, 1).astype(np.float32)
    spare_x, spare_y = side * 0.92 - size[0], side * 0.92 - size[1]
    centre_x = (frame.left + frame.right) / 2 + spare_x / 2 * np.clip(rng.normal(0, 0.35), -1, 1)
    centre_y = (frame.top + frame.bottom) / 2 + spare_y / 2 * np.clip(rng.normal(0, 0.35), -1, 1)
    move = np.array([[1, 0, centre_x - size[0] / 2], [0, 1, centre_y - size[1] / 2]], np.float64)
    return np.asarray(cv2.warpAffine(scaled, move, (SIDE_PX, SIDE_PX)), np.float32)


def _squared_digit(label: int, frame: Frame, rng: np.random.Generator) -> Mask:
    mask = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    width, height = frame.right - frame.left, frame.bottom - frame.top
    wide, tall = rng.uniform(0.26, 0.5) * width, rng.uniform(0.25, 0.38) * height
    start_x = (frame.left + frame.right) / 2 - wide / 2 + rng.normal(0, 0.05) * width
    if label == 1:
        start_x += rng.choice([-0.5, 0.0, 0.0, 0.5]) * wide * 0.8
    start_y = (frame.top + frame.bottom) / 2 - tall + rng.normal(0, 0.04) * height
    thick = rng.uniform(1.0, 4.5)
    slant = rng.normal(0, 0.08)
    for stroke in _SEGMENTS[label]:
        points = np.array(stroke, np.float64) + rng.normal(0, 0.06, (len(stroke), 2))
        scaled = np.stack([start_x + points[:, 0] * wide, start_y + points[:, 1] * tall], axis=1)
        scaled[:, 0] -= slant * (scaled[:, 1] - start_y)
        _line(mask, scaled, thick)
    return mask


def _bent(start: NDArray[np.float64], end: NDArray[np.float64], bend: float) -> NDArray[np.float64]:
    """A shallow curve from start to end; bend is its rise as a share of its length."""
    share = np.linspace(0, 1, 9)[:, np.newaxis]
    across = np.array([start[1] - end[1], end[0] - start[0]])
    return np.asarray(start + (end - start) * share + across * bend * 4 * share * (1 - share), np.float64)


def _drawn_filler(frame: Frame, rng: np.random.Generator) -> Mask:
    mask = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    width, height = frame.right - frame.left, frame.bottom - frame.top
    corner_to_corner = rng.random() < 0.25
    centre = np.array([(frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2])
    if corner_to_corner:
        size_x, size_y = rng.uniform(0.9, 1.04, 2)
    else:
        size_x = rng.uniform(0.22, 0.75)
        size_y = np.clip(size_x * np.exp(rng.normal(0.25, 0.25)), 0.22, 0.95)
        centre += rng.normal(0, 1, 2) * 0.08 * width
    half = np.array([size_x * width / 2, size_y * height / 2])
    thick = rng.uniform(1.0, 4.0)
    for sign in (1.0, -1.0):
        direction = half * np.array([1.0, sign])
        jitter = rng.normal(0, 0.05, (2, 2)) * width
        _line(mask, _bent(centre - direction + jitter[0], centre + direction + jitter[1], rng.normal(0, 0.04)), thick)
    return mask


def _drawn_dash(frame: Frame, rng: np.random.Generator) -> Mask:
    mask = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    width, height = frame.right - frame.left, frame.bottom - frame.top
    reach = rng.uniform(0.16, 0.85) * width / 2
    centre = np.array([(frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2])
    centre += rng.normal(0, 1, 2) * np.array([0.07 * width, 0.08 * height])
    tilt = np.deg2rad(rng.normal(0, 8))
    direction = np.array([np.cos(tilt), np.sin(tilt)]) * reach
    thick = rng.uniform(1.0, 4.5)
    _line(mask, _bent(centre - direction, centre + direction, rng.normal(0, 0.04)), thick)
    if rng.random() < 0.1:
        offset = np.array([0, rng.uniform(2, 5)])
        _line(mask, _bent(centre - direction + offset, centre + direction + offset, rng.normal(0, 0.04)), thick)
    return mask
