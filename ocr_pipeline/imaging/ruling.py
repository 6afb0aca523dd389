"""The ruled lines of a picture, whatever it shows: is there a form at all, and does it run out of the frame?"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.values import Floats, Grey

_DETECT_SCALE: Final = 0.8
_LEAST_LENGTH: Final = 0.02
"""Of the picture's longer side."""
_LEANING_DEG: Final = 30.0
_FLANK_PX: Final = 7.0
_DARKER: Final = 0.12
"""A rule is darker than the paper on both of its sides by this share; an edge has paper on one side only."""
_LEAST_RANGE: Final = 40.0
"""Grey levels between ink and paper that are stretched to the whole range; fewer may be noise."""
_BANDS: Final = 40
_TYPICAL: Final = 75.0
"""Percentile over the bands of a picture: the part of it that is full of rules."""

_LEAST_LONG, _LEAST_SHORT = 10.0, 1.0
_RUNS_OUT: Final = 0.4
_LEAST_RULES: Final = 6.0


@dataclass(frozen=True, slots=True)
class Ruling:
    """The thin dark lines of a picture in its two directions.

    Attributes:
        across: ends of the more horizontal ones, shape (n, 4), float64, x y x y in px of the picture.
        down: ends of the more vertical ones, likewise.
        size_px: width and height of the picture.
        paper: grey level beside the lines, 0-255; 0 without lines.
    """

    across: Floats
    down: Floats
    size_px: tuple[int, int]
    paper: float

    @property
    def is_form(self) -> bool:
        """Whether many long lines run one way and some the other: drawn forms and tables, but no brick wall.

        Forms that real photos show have lines of 13 widths and more one way and of 1.7 heights and more the other; a
        page of text, a cover page, grass or machinery has less of one of them.
        """
        short, long = self._lengths()
        return long >= _LEAST_LONG and short >= _LEAST_SHORT

    @property
    def may_be_form(self) -> bool:
        """Whether there are as many lines as a form keeps that is hardly readable: a third of :attr:`is_form`."""
        short, long = self._lengths()
        return long >= _LEAST_LONG / 3 and short >= _LEAST_SHORT / 3

    def _lengths(self) -> tuple[float, float]:
        """Length of all lines of the weaker and of the stronger direction, in sides of the picture."""
        across, down = _total(self.across, self.size_px[0]), _total(self.down, self.size_px[1])
        return min(across, down), max(across, down)

    @property
    def runs_out(self) -> bool:
        """Whether the lines go on beyond an edge of the picture, nearly as many as in its middle.

        The longer rules are believed alone. The shorter ones, which are few and easily mistaken for floor boards, only
        where the longer ones come up to that edge as well.
        """
        width, height = self.size_px
        across = _crossing(self.across[:, 0::2], width)
        down = _crossing(self.down[:, 1::2], height)
        wide = _total(self.across, width) >= _total(self.down, height)
        long, short = (across, down) if wide else (down, across)
        beside = _lying(self.across, height, 1) if wide else _lying(self.down, width, 0)
        if _cut(long).any():
            return True
        full = max(float(np.percentile(beside, _TYPICAL)), 1e-9)
        reached = np.array([beside[:2].mean(), beside[-2:].mean()]) >= _RUNS_OUT * full
        return bool((_cut(short) & reached).any())


def find_ruling(picture: Grey) -> Ruling:
    """Finds the rules of a picture of about 1,000 px.

    Args:
        picture: shape (h, w), uint8; rules of a page that fills it are then 1-4 px wide.
    """
    dark, bright = np.percentile(picture, (1, 95))
    gain = 255 / max(float(bright - dark), _LEAST_RANGE)
    # A pale photo has the same lines as a crisp one.
    clear = np.clip((np.arange(256) - float(dark)) * gain, 0, 255).astype(np.uint8)[picture]
    small = cv2.resize(clear, None, fx=_DETECT_SCALE, fy=_DETECT_SCALE, interpolation=cv2.INTER_AREA)
    # None in a picture without lines, whatever the type stub says.
    found: Any = cv2.createLineSegmentDetector(0).detect(small)[0]
    ends = np.zeros((0, 4)) if found is None else np.asarray(found, np.float64).reshape(-1, 4)
    ends = (ends + 0.5) / _DETECT_SCALE - 0.5
    along = ends[:, 2:] - ends[:, :2]
    length = np.hypot(along[:, 0], along[:, 1])
    keep = length > _LEAST_LENGTH * max(picture.shape)
    ends, along, length = ends[keep], along[keep], length[keep]
    middle, sides = _levels(clear, ends, along, length)
    thin = sides.min(axis=0) - middle > _DARKER * sides.max(axis=0)
    ends, along = ends[thin], along[thin]
    angle = np.rad2deg(np.arctan2(along[:, 1], along[:, 0])) % 180
    across = np.minimum(angle, 180 - angle) < _LEANING_DEG
    down = np.abs(angle - 90) < _LEANING_DEG
    paper = float(np.median(sides.min(axis=0)[thin])) / gain + float(dark) if thin.any() else 0.0
    return Ruling(ends[across], ends[down], (picture.shape[1], picture.shape[0]), paper)


def _levels(picture: Grey, ends: Floats, along: Floats, length: Floats) -> tuple[Floats, Floats]:
    """Grey level of each segment, (n,), and of the paper on either side of it, (2, n): medians of five samples."""
    normal = np.c_[-along[:, 1], along[:, 0]] / length[:, None]
    points = ends[:, None, :2] + np.linspace(0.15, 0.85, 5)[None, :, None] * along[:, None, :]
    last = np.array(picture.shape[::-1]) - 1

    def level(off_px: float) -> Floats:
        at = np.clip(np.rint(points + off_px * normal[:, None, :]), 0, last).astype(int)
        return np.asarray(np.median(picture[at[..., 1], at[..., 0]], axis=1), np.float64)

    # A wide line is found twice, once on each of its edges: the darkest nearby is the line itself.
    middle = np.min([level(off) for off in (-2.0, -1.0, 0.0, 1.0, 2.0)], axis=0)
    return middle, np.array([level(-_FLANK_PX), level(_FLANK_PX)])


def _total(ends: Floats, side_px: int) -> float:
    """Length of all segments in sides of the picture."""
    return float(np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]).sum()) / side_px


def _crossing(spans: Floats, side_px: int) -> Floats:
    """How many segments, spans (n, 2) along the side, cross the middle of each of :data:`_BANDS` bands."""
    middle = (np.arange(_BANDS) + 0.5) * side_px / _BANDS
    low, high = spans.min(axis=1, initial=np.inf), spans.max(axis=1, initial=-np.inf)
    return np.asarray(((low[:, None] <= middle) & (high[:, None] >= middle)).sum(axis=0), np.float64)


def _lying(ends: Floats, side_px: int, axis: int) -> Floats:
    """Length of the segments that lie in each of :data:`_BANDS` bands across the side."""
    band = (ends[:, [axis, axis + 2]].mean(axis=1) * _BANDS / side_px).astype(int).clip(0, _BANDS - 1)
    length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    return np.asarray(np.bincount(band, length, _BANDS), np.float64)


def _cut(counts: Floats) -> NDArray[np.bool_]:
    """Whether the first and the last band are crossed nearly as often as the full ones, shape (2,), bool."""
    full = float(np.percentile(counts, _TYPICAL))
    return np.asarray(counts[[0, -1]] >= max(_RUNS_OUT * full, _LEAST_RULES), np.bool_)
