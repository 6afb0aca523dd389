"""Writers, and what they write: digits, fillers, tally marks, words, bubbles, signatures - as pen strokes in page mm.

All shapes are this project's own (:mod:`ocr_pipeline.synthesis.glyphs`); a writer keeps their habits over a whole
station.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ocr_pipeline.forms.definition import Box
from ocr_pipeline.synthesis.glyphs import DIGIT_SHAPES, LETTER_SHAPES, SQUARED_SHAPES, PenPath, glyph, trace
from ocr_pipeline.synthesis.ink import Stroke
from ocr_pipeline.values import Floats, frozen

Filler = Literal["X", "0", "_", "-"]
FiveStyle = Literal["rising", "falling"]
CancelStyle = Literal["z", "diagonal", "none"]

BALLPOINT_BLUE = (0.58, 0.24, 0.17)
INKS: tuple[tuple[float, float, float], ...] = (
    BALLPOINT_BLUE,
    (0.5, 0.22, 0.16),
    (0.42, 0.15, 0.12),
    (0.13, 0.12, 0.12),
    (0.2, 0.18, 0.18),
    (0.08, 0.08, 0.09),
)
"""Blue and black pens and markers, reflectance B, G, R."""


@dataclass(frozen=True, slots=True)
class Writer:
    """One person's hand.

    Attributes:
        ink_bgr: shape (3,), float64, reflectance 0-1.
        width_mm: pen width.
        slant: leftward lean of verticals, share of the height; negative leans right.
        wobble: standard deviation of a stroke's points, share of the letter's height.
        height: height of a digit as a share of its box.
        aspect: width of a digit as a share of its height.
        squared: share of digits drawn along the seven-segment guide where there is one.
        shapes: digit -> index of the habitual shape.
        filler: what unused leading boxes hold.
        five: direction of the stroke that closes a tally five.
        cancel: how unused tally cells are struck out.
        cross_size: size of a filler X as a share of the box.
    """

    ink_bgr: Floats
    width_mm: float
    slant: float
    wobble: float
    height: float
    aspect: float
    squared: float
    shapes: Mapping[str, int]
    filler: Filler
    five: FiveStyle
    cancel: CancelStyle
    cross_size: float


def random_writer(rng: np.random.Generator, filler: Filler | None = None) -> Writer:
    """A new writer; fillers are as frequent as on the real photos of 2024 (X most often).

    Args:
        rng: source of chance.
        filler: forces the habit for unused leading boxes.
    """
    fillers: tuple[Filler, ...] = ("X", "0", "_", "-")
    chosen = fillers[int(rng.choice(4, p=(0.6, 0.22, 0.12, 0.06)))]
    return Writer(
        ink_bgr=frozen(np.clip(np.array(INKS[rng.integers(len(INKS))]) * rng.uniform(0.85, 1.2), 0.03, 0.7)),
        width_mm=float(rng.uniform(0.75, 1.35)),
        slant=float(np.clip(rng.normal(-0.06, 0.09), -0.28, 0.15)),
        wobble=float(rng.uniform(0.008, 0.022)),
        height=float(rng.uniform(0.52, 0.74)),
        aspect=float(rng.uniform(0.52, 0.72)),
        squared=float(rng.choice((0.0, 0.3, 0.95), p=(0.45, 0.15, 0.4))),
        shapes={digit: int(rng.integers(len(shapes))) for digit, shapes in DIGIT_SHAPES.items()},
        filler=chosen if filler is None else filler,
        five="rising" if rng.random() < 0.6 else "falling",
        cancel=("z", "diagonal", "none")[int(rng.choice(3, p=(0.55, 0.25, 0.2)))],
        cross_size=float(rng.choice((0.55, 0.7, 0.98), p=(0.45, 0.35, 0.2))),
    )


def write_symbol(writer: Writer, symbol: str, box: Box, guide: bool, rng: np.random.Generator) -> list[Stroke]:
    """One digit box: a digit, ``X``, ``-`` or ``_`` (nothing).

    Args:
        writer: whose hand.
        symbol: one character of the as-written text.
        box: the printed box.
        guide: whether the box carries the dotted guide.
        rng: source of chance.

    Raises:
        KeyError: nobody writes that symbol.
    """
    if symbol == "_":
        return []
    if symbol == "X":
        return _write_cross(writer, box, rng)
    if symbol == "-":
        return _pen(writer, _place(glyph(LETTER_SHAPES["-"][0]), _within(box, 0.5, 0.3, rng), writer, rng), rng)
    squared = rng.random() < (writer.squared if guide else writer.squared * 0.25)
    if squared:
        options, choice = SQUARED_SHAPES[symbol], writer.shapes[symbol] % len(SQUARED_SHAPES[symbol])
        high, wide = 0.67 * rng.uniform(0.92, 1.06), 0.43 * rng.uniform(0.9, 1.25)
        area = _within(box, _in_proportion(wide, box), high, rng, 0.02)
        return _pen(writer, _place(glyph(options[choice]), area, writer, rng, lean=0.25), rng)
    options = DIGIT_SHAPES[symbol]
    # People keep a shape, but not always.
    choice = writer.shapes[symbol] if rng.random() < 0.85 else int(rng.integers(len(options)))
    high = writer.height * rng.uniform(0.9, 1.1)
    # A one with a foot must not look like a wide letter.
    wide = high * writer.aspect * rng.uniform(0.9, 1.1) * (0.7 if symbol == "1" else 1)
    area = _within(box, _in_proportion(wide, box), high, rng)
    return _pen(writer, _place(glyph(options[choice]), area, writer, rng), rng)


def write_words(writer: Writer, text: str, area: Box, height_mm: float, rng: np.random.Generator) -> list[Stroke]:
    """Block capitals from the left of ``area``, standing on its lower third.

    Made smaller, or put on several lines, where they would not fit.

    Args:
        writer: whose hand.
        text: capitals, digits, spaces and ``- . /``.
        area: where to write, page mm.
        height_mm: wished height of a capital.
        rng: source of chance.
    """
    choices = [_lines(text, count) for count in range(1, 4)]
    lines, height = max(((c, _capital_mm(c, area, height_mm)) for c in choices), key=lambda choice: choice[1])
    strip = area.h_mm / len(lines)
    return [
        stroke
        for n, line in enumerate(lines)
        for stroke in _write_line(writer, line, replace(area, y_mm=area.y_mm + n * strip, h_mm=strip), height, rng)
    ]


def _lines(text: str, count: int) -> list[str]:
    """The words on at most ``count`` lines, none much longer than the others."""
    words, lines = text.split(" "), [""]
    for word in words:
        if lines[-1] and len(lines) < count and len(lines[-1]) + len(word) / 2 > len(text) / count:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _capital_mm(lines: list[str], area: Box, height_mm: float) -> float:
    longest = max(sum(map(_advance, line)) for line in lines)
    return min(height_mm, area.h_mm / len(lines) * 0.85, area.w_mm / max(longest, 0.1))


def _write_line(writer: Writer, text: str, area: Box, height: float, rng: np.random.Generator) -> list[Stroke]:
    advance = [_advance(letter) for letter in text]
    x = area.x_mm + max(0.0, (area.w_mm - sum(advance) * height) * rng.uniform(0, 0.3))
    base = area.y_mm + area.h_mm * 0.5 + height * 0.5
    drift = rng.normal(0, 0.012)
    strokes: list[Stroke] = []
    for letter, step in zip(text, advance, strict=True):
        if letter != " ":
            shapes = DIGIT_SHAPES.get(letter) or LETTER_SHAPES[letter]
            shape = shapes[writer.shapes.get(letter, 0) % len(shapes)]
            top = base - height + drift * (x - area.x_mm) + rng.normal(0, 0.04) * height
            place = Box(x, top, max(step - 0.2, 0.1) * height, height * rng.uniform(0.94, 1.05))
            strokes += _pen(writer, _place(glyph(shape), place, writer, rng), rng, 0.85)
        x += step * height
    return strokes


def write_tally(writer: Writer, count: int, cell: Box, rng: np.random.Generator) -> list[Stroke]:
    """Tally marks in one cell: up to four strokes, the fifth across them.

    Args:
        writer: whose hand.
        count: 0 to 5.
        cell: the cell, page mm.
        rng: source of chance.
    """
    uprights = min(count, 4)
    gap, left = cell.w_mm * rng.uniform(0.15, 0.19), cell.w_mm * rng.uniform(0.17, 0.24)
    lean = writer.slant * cell.h_mm + rng.normal(0, 0.3)
    paths = []
    for n in range(uprights):
        x = cell.x_mm + left + gap * n + rng.normal(0, 0.35)
        top = cell.y_mm + cell.h_mm * (0.16 + rng.normal(0, 0.03))
        bottom = cell.y_mm + cell.h_mm * (0.84 + rng.normal(0, 0.03))
        paths.append(
            np.array([[x - lean / 2, top], [x + rng.normal(0, 0.2), (top + bottom) / 2], [x + lean / 2, bottom]])
        )
    if count == 5:
        ends = cell.x_mm + left - gap * 0.75, cell.x_mm + left + gap * 3.75
        rows = cell.y_mm + cell.h_mm * 0.74, cell.y_mm + cell.h_mm * 0.26
        across = np.array([[ends[0], rows[0]], [ends[1], rows[1]]])
        if writer.five == "falling":
            across[:, 1] = across[::-1, 1]
        paths.append(across + rng.normal(0, 0.5, (2, 2)))
    return _pen(writer, [_densify(path) for path in paths], rng, 0.85)


def write_cancel(writer: Writer, first: tuple[float, float], area: Box, rng: np.random.Generator) -> list[Stroke]:
    """Strikes out unused cells: a Z or one diagonal line.

    Args:
        writer: whose hand.
        first: x, y in page mm where the unused part begins.
        area: the unused part with the rows below it, page mm.
        rng: source of chance.
    """
    if writer.cancel == "none":
        return []
    right, bottom = area.x_mm + area.w_mm, area.y_mm + area.h_mm
    corners = [(area.x_mm, bottom), (right, area.y_mm)]
    if writer.cancel == "z":
        corners = [first, (right, first[1]), (area.x_mm, bottom), (right, bottom)]
    points = np.array(corners) + rng.normal(0, 0.8, (len(corners), 2))
    return _pen(writer, [_densify(points)], rng)


def fill_bubble(
    writer: Writer, centre_page: tuple[float, float], diameter_mm: float, rng: np.random.Generator
) -> list[Stroke]:
    """A blackened bubble: a scribble that covers it nearly whole and sometimes leaves it.

    Args:
        writer: whose hand.
        centre_page: x, y of the bubble, page mm.
        diameter_mm: printed diameter.
        rng: source of chance.
    """
    radius = diameter_mm / 2 * rng.uniform(0.88, 1.06)
    turn = rng.uniform(0, np.pi)
    rows = np.linspace(-0.96, 0.96, int(np.ceil(diameter_mm / writer.width_mm * 1.5)) + 1)
    side = np.sqrt(1 - rows**2) * np.where(np.arange(len(rows)) % 2, 1, -1) * rng.uniform(0.85, 1.05, len(rows))
    zigzag = np.column_stack([side, rows]) * radius
    angle = np.linspace(0, 2 * np.pi, 24)
    rim = np.column_stack([np.cos(angle), np.sin(angle)]) * radius * (0.9 + rng.normal(0, 0.03, (24, 1)))
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shift = np.array(centre_page) + rng.normal(0, 0.25, 2)
    return _pen(writer, [zigzag @ turned + shift, rim + shift], rng, 1.25)


def strike_out(writer: Writer, box: Box, rng: np.random.Generator) -> list[Stroke]:
    """Two lines through a box whose digit was wrong."""
    paths = []
    for level in (0.42, 0.6):
        y = box.y_mm + box.h_mm * level + rng.normal(0, 0.6, 2)
        paths.append(_densify(np.array([[box.x_mm + 1.5, y[0]], [box.x_mm + box.w_mm - 1.5, y[1]]])))
    return _pen(writer, paths, rng)


def write_signature(writer: Writer, area: Box, rng: np.random.Generator) -> list[Stroke]:
    """A squiggle that stands for a signature; nobody's.

    Args:
        writer: whose hand.
        area: where to sign, page mm.
        rng: source of chance.
    """
    count = int(rng.integers(60, 110))
    t = np.linspace(0, 1, count)
    beats = rng.uniform(2.5, 6.5)
    envelope = np.interp(t, [0, 0.12, 0.3, 1], [0.7, 1, rng.uniform(0.3, 0.8), rng.uniform(0.1, 0.4)])
    y = np.sin(2 * np.pi * beats * t + rng.uniform(0, 6)) * envelope + 0.3 * np.sin(2 * np.pi * 1.3 * t)
    x = t + 0.09 * np.cos(2 * np.pi * beats * t + rng.uniform(0, 6)) + 0.05 * np.sin(4 * np.pi * t)
    place = np.array([area.x_mm + area.w_mm * 0.08, area.y_mm + area.h_mm * 0.5])
    size = np.array([area.w_mm * rng.uniform(0.5, 0.84), area.h_mm * rng.uniform(0.24, 0.4)])
    paths = [place + np.column_stack([x, -y]) * size]
    if rng.random() < 0.6:
        ends = np.array([[0.05, rng.uniform(0.1, 0.5)], [0.95, rng.uniform(-0.3, 0.2)]])
        paths.append(_densify(place + ends * size))
    return _pen(writer, paths, rng, 0.75)


def _advance(letter: str) -> float:
    if letter == " ":
        return 0.5
    return {"I": 0.34, "1": 0.4, "M": 0.95, "W": 1.0, ".": 0.3, "-": 0.6}.get(letter, 0.74)


def _write_cross(writer: Writer, box: Box, rng: np.random.Generator) -> list[Stroke]:
    high = writer.cross_size * rng.uniform(0.88, 1.02)
    wide = high * (1.0 if writer.cross_size > 0.9 else rng.uniform(0.6, 0.9))
    spread = 0.0 if writer.cross_size > 0.9 else 0.05
    return _pen(writer, _place(glyph(LETTER_SHAPES["X"][0]), _within(box, wide, high, rng, spread), writer, rng), rng)


def _in_proportion(wide: float, box: Box) -> float:
    """The share of a box's width for a digit that keeps its proportions in a box that is no square."""
    return min(wide * box.h_mm / box.w_mm, max(wide, 0.8))


def _within(box: Box, wide: float, high: float, rng: np.random.Generator, spread: float = 0.05) -> Box:
    """A rectangle of relative size somewhere near the middle of a box."""
    w, h = box.w_mm * min(wide, 0.97), box.h_mm * min(high, 0.97)
    # Nobody writes against the edge on purpose: three quarters of the slack are used at most.
    slack_x, slack_y = (box.w_mm - w) / 2, (box.h_mm - h) / 2
    x = box.x_mm + slack_x + np.clip(rng.normal(0, spread) * box.w_mm, -0.75 * slack_x, 0.75 * slack_x)
    y = box.y_mm + slack_y + np.clip(rng.normal(0, spread) * box.h_mm, -0.75 * slack_y, 0.75 * slack_y)
    return Box(float(x), float(y), w, h)


def _place(
    paths: tuple[PenPath, ...], area: Box, writer: Writer, rng: np.random.Generator, lean: float = 1.0
) -> list[Floats]:
    """Glyph paths -> dense points in page mm, with the writer's wobble and slant."""
    lines = []
    turn = rng.normal(0, 0.025)
    for path in paths:
        shaken = PenPath(path.points + rng.normal(0, writer.wobble, path.points.shape), path.corners)
        points = trace(shaken) - 0.5
        slanted = points[:, 0] * area.w_mm + (writer.slant * lean + turn) * points[:, 1] * area.h_mm
        tilted = points[:, 1] * area.h_mm + turn * points[:, 0] * area.w_mm
        lines.append(np.column_stack([slanted, tilted]) + np.array(area.centre_mm))
    return lines


def _densify(points: Floats) -> Floats:
    straight = _polyline(points)
    return trace(straight, 1.5)


def _polyline(points: Floats) -> PenPath:
    """A polyline in mm as a path whose every point is a corner."""
    return PenPath(points, tuple(True for _ in range(len(points))))


def _pen(writer: Writer, paths: list[Floats], rng: np.random.Generator, width: float = 1.0) -> list[Stroke]:
    strokes = []
    for path in paths:
        n = len(path)
        ends = np.minimum(1, 0.75 + 0.12 * np.minimum(np.arange(n), np.arange(n)[::-1]))
        swell = 1 + 0.1 * np.sin(np.linspace(0, rng.uniform(2, 7), n) + rng.uniform(0, 6))
        strokes.append(Stroke(path, writer.width_mm * width * ends * swell * rng.uniform(0.93, 1.07)))
    return strokes
