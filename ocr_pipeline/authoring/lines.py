"""Printed rules of a straightened page: where they lie, how far they run, how wide and how dark they are."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.forms.definition import Axis
from ocr_pipeline.registration.ridges import Ridge, flatten_light, line_map, ridge_map
from ocr_pipeline.values import Floats, Grey

AXES: tuple[Axis, ...] = ("h", "v")
_BREAK_PX = 7
"""A rule interrupted by less than this, by a fold or a bad print, is one rule."""
_LINK_PX = 28
"""Two pieces of one straight line closer than this are one rule."""
_BESIDE_PX = 3.0
"""Pieces further than this from one line are two rules."""
_ACROSS_PX = 7
_LEAST_INKED = 0.8
"""Share of a rule's length that must be inked: dotted lines and rows of letters have about half."""
_PIECE_PX = 40
_GROW_PX = 60
_LETTER_GAP_PX, _LETTER_PX = 3, 33
"""Bits beyond a gap at the end of a line, shorter than this, are letters."""
_TOUCH_PX = 8.0
_LONG_SHARE = 0.04
"""Lines of this share of the page's longer side are rules, wherever they end."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """A straight printed line in sheet px: at ``at`` across its axis, from ``start`` to ``end`` along it.

    ``width_px`` is its width, ``grey`` its grey level on white paper (0 black).
    """

    axis: Axis
    at: float
    start: float
    end: float
    width_px: float
    grey: int

    @property
    def length(self) -> float:
        """Length in px."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class LineArt:
    """What is drawn on a page with a ruler.

    Attributes:
        ridge: ridge map of the page, float32 (h, w), 0-1.
        mask: bool (h, w): the rules themselves, small breaks closed.
        rules: long straight lines, and short ones that are held at both ends.
    """

    ridge: Ridge
    mask: NDArray[np.bool_]
    rules: tuple[Stroke, ...]


def find_lines(grey: Grey) -> LineArt:
    """Lines of a straightened page, uint8 (h, w): dotted lines, print and handwriting left out."""
    ridge = ridge_map(flatten_light(grey))
    maps: dict[Axis, NDArray[np.uint8]] = {}
    strokes: list[Stroke] = []
    for axis in AXES:
        upright = _upright(ridge, axis)
        # Measured along x for both axes: a transposed picture turns one into the other.
        lines = cv2.morphologyEx(line_map(upright, "h"), cv2.MORPH_CLOSE, np.ones((1, _BREAK_PX), np.uint8))
        maps[axis] = np.asarray(lines, np.uint8)
        strokes += [_grown(s, upright) for s in _linked(_pieces(maps[axis], upright, axis), upright)]
    rules = _rules_among(strokes, _LONG_SHARE * max(grey.shape))
    mask = np.zeros(grey.shape, np.uint8)
    for axis in AXES:
        mine = [s for s in rules if s.axis == axis]
        # Rules of a scan are not quite straight: the pixels near a rule are its own, the thin line closes its gaps.
        own = _drawn(maps[axis].shape, mine, _ACROSS_PX) & maps[axis]
        mask |= _upright(own | _drawn(own.shape, mine, 1), axis)
    return LineArt(ridge, mask > 0, tuple(rules))


def _upright(picture: Any, axis: Axis) -> Any:
    """The picture with the rules of an axis running along x; the same again turns it back."""
    return picture if axis == "h" else np.ascontiguousarray(picture.T)


def _drawn(shape: tuple[int, ...], strokes: list[Stroke], width_px: int) -> NDArray[np.uint8]:
    """Strokes along x, 0/1."""
    picture = np.zeros(shape, np.uint8)
    for s in strokes:
        cv2.line(picture, (round(s.start), round(s.at)), (round(s.end), round(s.at)), 1, width_px)
    return picture


def _pieces(lines: NDArray[np.uint8], ridge: Ridge, axis: Axis) -> list[Stroke]:
    """Unbroken horizontal lines of a line map, measured on the ridge map it was made from."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    pieces = []
    for x, y, width, height, _area in stats[1:count]:
        if width < 3 * height:
            continue
        stroke = _measured(ridge, axis, int(x), int(x + width), int(y), int(y + height))
        if stroke is not None:
            pieces.append(stroke)
    return pieces


def _measured(ridge: Ridge, axis: Axis, x0: int, x1: int, y0: int, y1: int) -> Stroke | None:
    """The line within a rectangle of the ridge map; ``None`` for dotted lines and rows of letters."""
    inked = _inked(ridge[y0:y1, x0:x1], 0.4)
    if inked.mean() < _LEAST_INKED:
        return None
    start, end = (x0 + v for v in _ends(_inked(ridge[y0:y1, x0:x1], 0.2)))
    top, bottom = max(y0 - _ACROSS_PX, 0), min(y1 + _ACROSS_PX, ridge.shape[0])
    # The median along the line: what crosses it, and writing beside it, does not count.
    across = np.asarray(np.median(ridge[top:bottom, start:end], axis=1), np.float64)
    peak = int(np.argmax(across[y0 - top : y1 - top])) + y0 - top
    if across[peak] <= 0:
        return None
    place, width_px = _centre(across, peak)
    return Stroke(axis, top + place, float(start), float(end), width_px, round(255 * (1 - across[peak])))


def _centre(across: Floats, peak: int) -> tuple[float, float]:
    """Middle and width in px of the line whose profile has its peak there; what lies beside a gap is another's."""
    inked = across > 0.25 * across[peak]
    low, high = peak, peak + 1
    while low > 0 and inked[low - 1]:
        low -= 1
    while high < len(across) and inked[high]:
        high += 1
    own = across[low:high]
    return float((own * np.arange(low, high)).sum() / own.sum()), float(own.sum() / across[peak])


def _ends(inked: NDArray[np.bool_]) -> tuple[int, int]:
    """Where a line begins and ends: the line map reaches beyond its ends, and into letters that stand in line."""
    at = np.flatnonzero(inked)
    runs = np.split(at, np.flatnonzero(np.diff(at) > _LETTER_GAP_PX) + 1)
    while len(runs) > 1 and len(runs[-1]) < _LETTER_PX:
        runs.pop()
    while len(runs) > 1 and len(runs[0]) < _LETTER_PX:
        runs.pop(0)
    return int(runs[0][0]), int(runs[-1][-1]) + 1


def _inked(strip: Ridge, share: float) -> NDArray[np.bool_]:
    """Which columns of a line are inked, followed in pieces because a scanned line is not quite straight."""
    best = [
        piece[int(np.argmax(piece.mean(axis=1)))]
        for piece in np.array_split(strip, max(strip.shape[1] // _PIECE_PX, 1), axis=1)
    ]
    along = np.concatenate(best)
    return np.asarray(along > share * np.quantile(along, 0.8))


def _linked(pieces: list[Stroke], ridge: Ridge) -> list[Stroke]:
    """Pieces of one straight line joined: over small gaps, and over long ones where the line is there after all.

    Words close to a line hide it from the line map.
    """
    done: list[Stroke] = []
    for piece in sorted(pieces, key=lambda s: s.start):
        before = [s for s in done if abs(piece.at - s.at) <= _BESIDE_PX and piece.end > s.end]
        last = max(before, key=lambda s: s.end, default=None)
        if last is not None and (piece.start - last.end <= _LINK_PX or _runs_on(ridge, last, piece)):
            done.remove(last)
            piece = _joined(last, piece)
        done.append(piece)
    return done


def _runs_on(ridge: Ridge, one: Stroke, two: Stroke) -> bool:
    """Whether the gap between two pieces of a line is inked."""
    start, end = round(one.end), round(two.start)
    return bool(_inked_at(ridge, (one.at + two.at) / 2, start, end, min(one.grey, two.grey)).mean() > _LEAST_INKED)


def _inked_at(ridge: Ridge, at: float, start: int, end: int, grey: int) -> NDArray[np.bool_]:
    """Where along a row, give or take a pixel, there is a line of about this grey."""
    row = round(at)
    strip = ridge[max(row - 1, 0) : row + 2, max(start, 0) : max(end, 0)]
    return np.asarray(strip.max(axis=0, initial=0.0) > 0.5 * (1 - grey / 255))


def _grown(s: Stroke, ridge: Ridge) -> Stroke:
    """The line to where its ink ends: the line map cuts ends off beside words."""
    start, end = round(s.start), round(s.end)
    before = _inked_at(ridge, s.at, start - _GROW_PX, start, s.grey)[::-1]
    after = _inked_at(ridge, s.at, end, end + _GROW_PX, s.grey)
    return replace(s, start=s.start - _run(before), end=s.end + _run(after))


def _run(inked: NDArray[np.bool_]) -> int:
    """Length of the unbroken run at the beginning."""
    blank = np.flatnonzero(~inked)
    return int(blank[0]) if len(blank) else len(inked)


def _joined(one: Stroke, two: Stroke) -> Stroke:
    share = two.length / (one.length + two.length)
    return replace(
        one,
        at=one.at + share * (two.at - one.at),
        end=max(one.end, two.end),
        width_px=one.width_px + share * (two.width_px - one.width_px),
        grey=round(one.grey + share * (two.grey - one.grey)),
    )


def _rules_among(strokes: list[Stroke], long_px: float) -> list[Stroke]:
    """The strokes that are rules: long ones, and short ones that both begin and end on another.

    The bars of large letters, ticks and short strokes of a pen hang loose. Taking one away can loosen another.
    """
    kept = strokes
    while True:
        tied = [s for s in kept if s.length >= long_px or (_is_held(s, s.start, kept) and _is_held(s, s.end, kept))]
        if len(tied) == len(kept):
            return kept
        kept = tied


def _is_held(stroke: Stroke, end: float, others: list[Stroke]) -> bool:
    """Whether an end of a stroke lies on a line of the other axis."""
    return any(
        o.axis != stroke.axis and abs(o.at - end) <= _TOUCH_PX and o.start - _TOUCH_PX <= stroke.at <= o.end + _TOUCH_PX
        for o in others
    )


def edge_at(ridge: Ridge, axis: Axis, near: float, start: float, end: float) -> float:
    """Where the line beside ``near`` runs between ``start`` and ``end``, sheet px; ``near`` where there is none."""
    upright = ridge if axis == "h" else ridge.T
    spare = 0.12 * (end - start)
    low, high = max(round(near) - _ACROSS_PX, 0), min(round(near) + _ACROSS_PX + 1, upright.shape[0])
    across = np.asarray(np.median(upright[low:high, round(start + spare) : round(end - spare) + 1], axis=1), np.float64)
    peak = int(np.argmax(across))
    return low + _centre(across, peak)[0] if across[peak] > 0 else near
