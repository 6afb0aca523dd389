"""Crops that have no right answer: overwritten, scribbled and struck-out boxes, two half boxes, bubbles, print.

The net has no class for them. Their target is "any class alike", so that they end as low
probability. A zero with a slash is half a zero and half a filler.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.train.drawn import draw_box
from models.train.ink import Grey, Symbols, bent
from models.train.table import draw_table_box
from ocr_pipeline.values import CLASSES

_SIDE_PX = 64
_PEN = 2


def draw_junk(symbols: Symbols, rng: np.random.Generator) -> tuple[Grey, NDArray[np.float32]]:
    """One crop without a right answer and what should be said of it.

    Args:
        symbols: loose symbols per class.
        rng: source of every choice.

    Returns:
        (64, 64) uint8 grey and (13,) float32 target probabilities summing to 1.
    """
    target = np.full(len(CLASSES), 1 / len(CLASSES), np.float32)
    kind = rng.random()
    if kind < 0.12:
        return _overwritten(symbols, rng), target
    if kind < 0.32:
        return _scribbled(symbols, rng), target
    if kind < 0.44:
        return _struck_out(symbols, rng), target
    if kind < 0.7:
        return _between_boxes(symbols, rng), target
    if kind < 0.76:
        return _crowded(symbols, rng), target
    if kind < 0.86:
        return _bubbles(rng), target
    if kind < 0.94:
        return _print(rng), target
    half = np.zeros(len(CLASSES), np.float32)
    half[[0, CLASSES.index("X")]] = 0.5
    return _slashed_zero(symbols, rng), half


def _box(label: int, symbols: Symbols, rng: np.random.Generator) -> Grey:
    """A drawn box of any form, squashed to a square."""
    if rng.random() < 0.5:
        return draw_box(label, symbols, rng)
    table = draw_table_box(label, symbols, rng)
    return np.asarray(cv2.resize(table, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_LINEAR), np.uint8)


def _some_ink(box: Grey, rng: np.random.Generator) -> int:
    """A grey level between the box's darkest and a third of the way to its lightest."""
    return int(box.min() + rng.uniform(0, 0.3) * (int(box.max()) - int(box.min())))


def _overwritten(symbols: Symbols, rng: np.random.Generator) -> Grey:
    """Two different digits in one box, as left by a correction."""
    first, second = rng.choice(10, 2, replace=False)
    return np.minimum(_box(int(first), symbols, rng), _box(int(second), symbols, rng))


def _scribbled(symbols: Symbols, rng: np.random.Generator) -> Grey:
    """A digit under a scribble of many strokes."""
    box = _box(int(rng.integers(0, 10)), symbols, rng)
    strokes = int(rng.integers(5, 12))
    points = np.stack([np.linspace(14, 50, strokes), np.where(np.arange(strokes) % 2, 46, 18)], axis=1)
    if rng.random() < 0.5:
        points = points[:, ::-1]
    points = points + rng.normal(0, 4, points.shape)
    _polyline(box, points, _some_ink(box, rng), int(rng.integers(1, 5)))
    return box


def _struck_out(symbols: Symbols, rng: np.random.Generator) -> Grey:
    """A digit that was taken back: one to three long strokes across it."""
    # A struck-out 1 is an X, a 7 has a bar by itself, and a 0 is slashed.
    box = _box(int(rng.choice([2, 3, 4, 5, 6, 8, 9])), symbols, rng)
    ink, pen = _some_ink(box, rng), int(rng.integers(2, 5))
    angle = rng.uniform(-1.1, 1.1)
    reach = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(24, 32)
    for _ in range(int(rng.integers(1, 4))):
        middle = np.array([32.0, 32.0]) + rng.normal(0, 3, 2)
        ends = middle - reach + rng.normal(0, 3, 2), middle + reach + rng.normal(0, 3, 2)
        _polyline(box, bent(*ends, rng.normal(0, 0.05)), ink, pen)
    return box


def _crowded(symbols: Symbols, rng: np.random.Generator) -> Grey:
    """Two digits side by side in one box."""
    first, second = (_box(int(rng.integers(0, 10)), symbols, rng) for _ in range(2))
    shift = rng.uniform(10, 16)
    moves = (np.array([[0.8, 0, 6.4 + x], [0, 1, 0]]) for x in (-shift, shift))
    left, right = (
        cv2.warpAffine(box, move, (_SIDE_PX, _SIDE_PX), borderMode=cv2.BORDER_REPLICATE)
        for box, move in zip((first, second), moves, strict=True)
    )
    return np.asarray(np.minimum(left, right), np.uint8)


def _polyline(box: Grey, points: NDArray[np.float64], ink: int, pen_px: int) -> None:
    cv2.polylines(box, [np.round(points).astype(np.int32).reshape(-1, 1, 2)], False, ink, pen_px, cv2.LINE_AA)


def _between_boxes(symbols: Symbols, rng: np.random.Generator) -> Grey:
    """A crop that lies half on one box and half on the next, or below."""
    paper = rng.uniform(150, 240)
    pair = []
    for _ in range(2):
        box = _box(int(rng.integers(0, len(CLASSES))), symbols, rng).astype(np.float32)
        pair.append(box * (paper / max(1.0, float(np.percentile(box, 80)))))
    along = int(rng.integers(0, 2))
    if along == 0 or rng.random() < 0.5:
        # Below a box there are bubbles or nothing, not another box.
        pair[1 if rng.random() < 0.5 else 0] = _bubbles(rng).astype(np.float32) if along == 0 else pair[1]
    strip = np.concatenate(pair, axis=along)
    start = int(rng.uniform(0.4, 0.6) * _SIDE_PX)
    window = strip[start : start + _SIDE_PX] if along == 0 else strip[:, start : start + _SIDE_PX]
    return np.clip(window, 0, 255).astype(np.uint8)


def _bubbles(rng: np.random.Generator) -> Grey:
    """A column of printed rings with their digits, some of them blackened."""
    paper = rng.uniform(130, 240)
    canvas = np.full((_SIDE_PX, _SIDE_PX), paper, np.uint8)
    ink = int(paper * rng.uniform(0.1, 0.6))
    radius, pitch = int(rng.integers(11, 15)), int(rng.integers(28, 36))
    middle, start = int(rng.integers(22, 44)), int(rng.integers(-20, 30))
    for step in range(4):
        centre = (middle, start + step * pitch)
        filled = rng.random() < 0.25
        cv2.circle(canvas, centre, radius, ink, -1 if filled else int(rng.integers(1, 3)), cv2.LINE_AA)
        if not filled:
            corner = (centre[0] - 5, centre[1] + 6)
            text = str(int(rng.integers(0, 10)))
            cv2.putText(canvas, text, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, 1, cv2.LINE_AA)
    return canvas


def _print(rng: np.random.Generator) -> Grey:
    """Printed words and rules without a box."""
    paper = rng.uniform(130, 240)
    canvas = np.full((_SIDE_PX, _SIDE_PX), paper, np.uint8)
    ink = int(paper * rng.uniform(0.1, 0.6))
    height = rng.uniform(0.35, 0.9)
    for row in range(int(rng.integers(1, 5))):
        text = "".join(rng.choice(list("aeiouknmtrsdgbpl"), 12))
        place = (int(rng.integers(-20, 20)), int(12 + row * 42 * height + rng.integers(0, 6)))
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, height, ink, _PEN, cv2.LINE_AA)
    if rng.random() < 0.6:
        y = int(rng.integers(0, _SIDE_PX))
        cv2.line(canvas, (0, y), (_SIDE_PX, y + int(rng.integers(-3, 4))), ink, int(rng.integers(1, 4)), cv2.LINE_AA)
    return canvas


def _slashed_zero(symbols: Symbols, rng: np.random.Generator) -> Grey:
    box = _box(0, symbols, rng)
    ink = int(np.percentile(box[16:48, 16:48], 3))
    reach_x, reach_y = rng.integers(8, 18), rng.integers(14, 22)
    tilt = 1 if rng.random() < 0.8 else -1
    start, end = (int(32 - reach_x), int(32 + tilt * reach_y)), (int(32 + reach_x), int(32 - tilt * reach_y))
    cv2.line(box, start, end, ink, int(rng.integers(1, 4)), cv2.LINE_AA)
    return box
