"""Pen paths of digits and block capitals: our own shapes, in percent of the letter's own box.

A glyph is one or more strokes, written as text: strokes are separated by ``|``, points are ``x,y`` (y down), a ``!``
after a point makes a corner, a leading ``-`` makes every point of the stroke a corner (straight lines). Between corners
the pen follows a Catmull-Rom curve. Several shapes of one digit are different habits of writers, seen on real forms: an
open or closed 4, a 1 with flag or foot, a crossed 7, and the squared digits that the dotted writing guide provokes.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from ocr_pipeline.values import Floats, frozen

DIGIT_SHAPES: dict[str, tuple[str, ...]] = {
    "0": (
        "55,2 20,10 4,45 12,85 48,99 85,85 97,48 85,14 50,2 40,6",
        "62,6 30,2 5,30 8,78 45,99 88,80 95,35 70,5 45,3",
        "40,1 10,22 4,60 20,95 60,99 92,70 92,30 66,3 38,2",
    ),
    "1": ("-50,0 50,100", "-20,25 54,0 54,100", "-24,24 52,0 52,100|-16,100 86,100", "-56,0 46,100"),
    "2": (
        "6,25 20,4 55,0 88,14 86,38 50,68 5,99! 96,98!",
        "8,22 30,0 75,4 88,30 60,65 20,92 5,97 16,82 40,90 66,100 98,92",
        "-5,8 92,4 6,98 96,97",
        "5,14 45,2 90,6 84,30 45,66 4,98! 50,96 97,98!",
    ),
    "3": (
        "8,12 40,0 85,10 85,36 40,48! 88,60 92,86 50,100 5,88",
        "5,3! 90,3! 42,40! 88,58 90,86 50,100 5,90",
        "10,8 50,0 88,16 78,40 44,47 82,54 94,78 60,100 8,92",
    ),
    "4": ("-22,0 6,62 96,62|-72,28 72,100", "-62,100 62,0 3,66 97,66", "-10,0 8,58 95,58|-80,2 78,100"),
    "5": (
        "84,3! 18,3! 14,44! 55,38 92,58 85,90 45,100 5,90",
        "15,3! 12,45! 55,38 92,60 80,94 40,100 5,90|-13,3 90,1",
        "90,4! 20,4! 12,46! 60,44 94,66 74,96 8,98",
    ),
    "6": (
        "72,2 30,22 5,65 20,96 65,99 92,76 70,55 30,56 8,72",
        "86,6 44,6 10,42 8,84 48,100 90,84 86,58 46,50 10,66",
        "60,0 18,40 6,76 40,100 84,88 86,62 44,54 12,72",
    ),
    "7": ("-4,3 95,3 40,100", "-4,3 95,3 42,100|-22,52 86,48", "-6,18 7,3 94,3 42,100", "4,5! 96,3! 66,48 56,100"),
    "8": (
        "82,12 45,0 14,16 30,42 75,58 90,82 50,100 8,84 24,58 70,42 88,20 70,4",
        "50,0 18,10 18,36 50,46 82,36 82,10 52,0|50,46 8,62 10,90 50,100 90,90 92,62 50,46",
        "50,48 16,32 22,6 56,0 84,14 74,38 40,52 8,72 20,98 66,100 92,80 74,58 48,47",
    ),
    "9": (
        "90,20 55,0 10,12 8,42 45,54 88,38 90,8! 88,100",
        "88,18 50,0 10,20 20,50 60,52 90,25 92,12! 92,60 70,95 18,98",
        "92,22 50,1 8,22 22,52 66,50 90,26! 70,100",
    ),
}
"""Digits written freely."""

SQUARED_SHAPES: dict[str, tuple[str, ...]] = {
    "0": ("-5,3 4,98 95,99 97,2 3,3",),
    "1": ("-50,0 50,100", "-58,0 58,100"),
    "2": ("-4,4 95,2 95,50 5,50 5,98 97,98",),
    "3": ("-4,3 94,3 94,98 4,98|-15,50 94,50", "-4,3 94,3 94,50 20,50|-94,50 94,98 4,98"),
    "4": ("-6,0 6,55 94,55|-94,0 94,100",),
    "5": ("-94,3 5,3 5,48 95,48 95,98 4,98",),
    "6": ("-92,3 6,3 5,98 95,98 95,50 6,50", "-6,0 6,98 94,98 94,52 6,52"),
    "7": ("-4,4 94,3 94,100", "-5,16 5,4 94,3 92,100"),
    "8": ("-5,3 95,3 95,98 5,98 5,3|-5,50 95,50",),
    "9": ("-95,50 5,50 5,3 95,3 95,98 8,98", "-94,52 6,52 6,3 94,3 94,100"),
}
"""Digits drawn along the dotted seven-segment guide."""

LETTER_SHAPES: dict[str, tuple[str, ...]] = {
    "A": ("-0,100 50,0 100,100|-20,62 82,62",),
    "B": ("-5,0 5,100|5,2! 70,4 85,25 60,46 8,48! 80,55 95,78 65,98 5,100!",),
    "C": ("92,15 55,0 10,25 5,70 45,100 95,85",),
    "D": ("-8,0 8,100|8,1! 70,10 98,50 70,92 8,99!",),
    "E": ("-90,2 6,2 6,100 94,98|-6,50 75,48",),
    "F": ("-90,2 6,2 6,100|-6,50 75,48",),
    "G": ("92,15 55,0 10,25 5,70 45,100 92,88! 92,55! 58,55!",),
    "H": ("-6,0 6,100|-92,0 92,100|-6,50 92,48",),
    "I": ("-50,0 50,100",),
    "J": ("70,0! 70,75 45,100 10,85",),
    "K": ("-8,0 8,100|-90,0 10,55 95,100",),
    "L": ("-8,0 8,100 90,98",),
    "M": ("-2,100 10,0 50,60 90,0 98,100", "-4,100 4,0 50,55 96,0 96,100"),
    "N": ("-6,100 6,0 92,100 92,0",),
    "O": ("50,0 8,25 8,75 50,100 92,75 92,25 50,0",),
    "P": ("-8,100 8,0|8,2! 75,5 90,28 65,50 8,52!",),
    "Q": ("50,0 8,25 8,75 50,100 92,75 92,25 50,0|-60,70 98,104",),
    "R": ("-8,100 8,0|8,2! 75,5 90,28 65,50 8,52! 95,100!",),
    "S": ("88,12 50,0 12,20 35,44 75,56 90,82 50,100 6,88",),
    "T": ("-2,2 98,2|-50,2 50,100",),
    "U": ("6,0! 6,70 40,100 80,90 92,0!", "-8,0 8,98 92,98 92,0"),
    "V": ("-2,0 50,100 98,0",),
    "W": ("-0,0 25,100 50,35 75,100 100,0",),
    "X": ("-2,0 98,100|-95,0 5,100",),
    "Y": ("-2,0 50,50|-98,0 30,100",),
    "Z": ("-5,2 92,2 5,98 95,98",),
    "-": ("-5,52 95,50",),
    ".": ("-48,96 52,100",),
    "/": ("-85,0 15,100",),
}
"""Block capitals and the few signs that officers write."""


@dataclass(frozen=True, slots=True)
class PenPath:
    """One stroke.

    Attributes:
        points: shape (n, 2), float64, x and y in 0-1 of the letter's box, y down.
        corners: one for each point: whether the curve breaks there.
    """

    points: Floats
    corners: tuple[bool, ...]


@cache
def glyph(shape: str) -> tuple[PenPath, ...]:
    """The strokes of a shape text (see the module's head).

    Args:
        shape: text such as ``"-4,3 95,3 40,100|-25,50 85,46"``.

    Returns:
        One path a stroke, in writing order, points in 0-1.

    Raises:
        ValueError: a point is not ``x,y``.
    """
    paths = []
    for text in shape.split("|"):
        straight, words = text.startswith("-"), text.removeprefix("-").split()
        points = np.array([[float(v) for v in word.removesuffix("!").split(",")] for word in words]) / 100
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(f"a stroke needs points x,y: {text!r}")
        corners = tuple(straight or word.endswith("!") or n in (0, len(words) - 1) for n, word in enumerate(words))
        paths.append(PenPath(frozen(points), corners))
    return tuple(paths)


def trace(path: PenPath, step: float = 0.04) -> Floats:
    """Dense points along a stroke: Catmull-Rom between corners, straight where two corners are neighbours.

    Args:
        path: the stroke.
        step: distance between points, in units of the letter's box.

    Returns:
        Shape (m, 2), float64, in the frame of ``path.points``.
    """
    cuts = [n for n, corner in enumerate(path.corners) if corner]
    pieces = [path.points[:1]]
    for first, last in pairwise(cuts):
        pieces.append(_spline(path.points[first : last + 1], step)[1:])
    return np.concatenate(pieces)


def _spline(points: Floats, step: float) -> Floats:
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    out = [points[:1]]
    for n in range(len(points) - 1):
        p0, p1, p2, p3 = padded[n : n + 4]
        count = max(2, int(np.ceil(np.hypot(*(p2 - p1)) / step)))
        t = (np.arange(1, count + 1) / count)[:, None]
        # Uniform Catmull-Rom, Catmull and Rom 1974, tension one half.
        out.append(
            0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
        )
    return np.concatenate(out)
