"""Boxes of tables drawn from scratch, as on scanned A4 forms and on wall forms before 2024.

Tall, wide or square; an edge is shared with the next box or a little apart from it; thin or thick rules run on into the
table; digits touch and cross them; the neighbours' digits and small print come in at the sides; a watermark lies under
all. Half of them are black and white, as scanners deliver: strokes break, fill up and get specks.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from models.train.ink import (
    BLANK,
    DASH,
    FILLER,
    Frame,
    Grey,
    Mask,
    Symbols,
    add_dash,
    add_filler,
    add_squared_digit,
    add_strokes,
    indonesian_strokes,
    line,
    pasted,
    written,
)

_CONTEXT = 0.3
"""Surroundings drawn around the box, share of its shorter side."""
_STROKED = {1: 0.45, 2: 0.35, 3: 0.15, 7: 0.35}
"""Share of these digits that is drawn from strokes."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What boxes of one sheet have in common.

    Attributes:
        pen_px: width of the pen.
        ink: darkness of the writing, 0..1.
        rule: darkness of rules and print, 0..1.
        rule_px: width of a usual rule.
        gap_px: distance of a box from the next one; 0 when they share an edge.
    """

    pen_px: float
    ink: float
    rule: float
    rule_px: float
    gap_px: float


def draw_table_box(label: int, symbols: Symbols, rng: np.random.Generator) -> Grey:
    """One drawn box of a table.

    Args:
        label: class index, 0..12.
        symbols: loose symbols per class, ink bright on black.
        rng: source of every choice.

    Returns:
        (h, w) uint8 grey, 24 to about 150 px a side, as high and wide as the box with a little of its surroundings.
    """
    shorter = rng.uniform(24, 60)
    aspect = float(np.exp(np.clip(rng.normal(0.28, 0.38), -0.7, 0.83)))
    width, height = (shorter, shorter * aspect) if aspect > 1 else (shorter / aspect, shorter)
    context = _CONTEXT * shorter
    frame = Frame(context, context, context + width, context + height)
    dark = np.zeros((round(height + 2 * context), round(width + 2 * context)), np.float32)
    sheet = _random_sheet(shorter, rng)
    _add_rules(dark, frame, sheet, rng)
    _add_surroundings(dark, frame, sheet, symbols, rng)
    if label != BLANK:
        _add_symbol(dark, label, frame, sheet, symbols, rng)
    if rng.random() < (0.5 if label == BLANK else 0.2):
        _add_dirt(dark, frame, rng)
    page = _scanned(dark, sheet, rng) if rng.random() < 0.5 else _photographed(dark, rng)
    return _cut(page, frame, rng)


def _random_sheet(shorter: float, rng: np.random.Generator) -> Sheet:
    pale = rng.random() < 0.25
    return Sheet(
        pen_px=max(0.9, shorter * float(np.exp(rng.uniform(np.log(0.022), np.log(0.13))))),
        ink=rng.uniform(0.18, 0.4) if pale else rng.uniform(0.45, 1.0),
        rule=rng.uniform(0.3, 1.0),
        rule_px=max(0.7, shorter * rng.uniform(0.012, 0.06)),
        gap_px=0.0 if rng.random() < 0.6 else shorter * rng.uniform(0.03, 0.22),
    )


def _add(dark: Mask, mask: Mask, darkness: float) -> None:
    np.maximum(dark, mask * np.float32(darkness), out=dark)


def _add_rules(dark: Mask, frame: Frame, sheet: Sheet, rng: np.random.Generator) -> None:
    """The four edges of the box and the near edges of its neighbours, each with a width of its own."""
    height_px, width_px = dark.shape
    mask = np.zeros_like(dark)
    over = rng.random() < 0.85, rng.random() < 0.5
    for upright in (False, True):
        near, far = (frame.left, frame.right) if upright else (frame.top, frame.bottom)
        start, end = (frame.top, frame.bottom) if upright else (frame.left, frame.right)
        if over[int(upright)]:
            start, end = -4.0, float(height_px if upright else width_px) + 4
        ats = [near, far]
        if upright and sheet.gap_px > 0:
            ats += [near - sheet.gap_px, far + sheet.gap_px]
        for at in ats:
            if rng.random() < 0.04:
                continue
            wide = sheet.rule_px * float(np.exp(rng.normal(0, 0.2)))
            if rng.random() < 0.12:
                # The border of the table, or the shadow of the sheet's edge; it grows outwards.
                wide = frame.shorter * rng.uniform(0.07, 0.2)
                at += (wide / 2) * (-1 if at <= near else 1)
            tilt = rng.normal(0, 0.008) * frame.shorter
            ends = np.array([[start, at - tilt], [end, at + tilt]])
            line(mask, ends[:, ::-1] if upright else ends, wide)
    _add(dark, mask, sheet.rule)


def _add_surroundings(dark: Mask, frame: Frame, sheet: Sheet, symbols: Symbols, rng: np.random.Generator) -> None:
    """Digits of the boxes beside, which may reach over the shared edge; print and digits above and below."""
    step_x = frame.width + sheet.gap_px
    for side in (-1, 1):
        if rng.random() < 0.6:
            reach = rng.uniform(0, 0.14) * frame.width if rng.random() < 0.3 else 0.0
            beside = frame.moved(side * (step_x - reach), 0)
            _add_symbol(dark, int(rng.integers(0, BLANK)), beside, sheet, symbols, rng)
        if rng.random() < 0.2:
            below = frame.moved(0, side * (frame.height - rng.uniform(-0.1, 0.1) * frame.shorter))
            _add_symbol(dark, int(rng.integers(0, BLANK)), below, sheet, symbols, rng)
        if rng.random() < 0.15:
            words = np.zeros(dark.shape, np.uint8)
            text = "".join(rng.choice(list("aeiouknmtrsdgbpl (0123)"), 16))
            base = frame.top - 0.06 * frame.shorter if side < 0 else frame.bottom + 0.2 * frame.shorter
            place = int(rng.integers(-20, 5)), round(base)
            cv2.putText(words, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.006 * frame.shorter, 255, 1, cv2.LINE_AA)
            _add(dark, np.asarray(words / 255, np.float32), sheet.rule)


def _add_symbol(dark: Mask, label: int, frame: Frame, sheet: Sheet, symbols: Symbols, rng: np.random.Generator) -> None:
    mask = np.zeros_like(dark)
    if label == FILLER and rng.random() < 0.5:
        add_filler(mask, frame, rng)
    elif label == DASH and rng.random() < 0.8:
        add_dash(mask, frame, rng)
    elif label in _STROKED and rng.random() < _STROKED[label]:
        add_strokes(mask, indonesian_strokes(label, rng), frame, min(sheet.pen_px, 0.1 * frame.shorter), rng)
    elif label < 10 and rng.random() < 0.06:
        add_squared_digit(mask, label, frame, rng)
    else:
        mask = _written_symbol(mask, label, symbols[label], frame, sheet, rng)
    _add(dark, mask, sheet.ink)


def _written_symbol(
    mask: Mask, label: int, glyphs: list[Grey], frame: Frame, sheet: Sheet, rng: np.random.Generator
) -> Mask:
    glyph = glyphs[int(rng.integers(0, len(glyphs)))]
    if label == DASH:
        width = rng.uniform(0.2, 0.8) * frame.width
        height = sheet.pen_px + rng.uniform(0.02, 0.08) * frame.shorter
    else:
        height = min(rng.uniform(0.28, 0.9) * frame.height, rng.uniform(0.4, 1.35) * frame.width)
        width = height * glyph.shape[1] / glyph.shape[0] * float(np.exp(rng.normal(0, 0.15)))
        fits = min(1.0, 0.95 * frame.width / width)
        width, height = width * fits, height * fits
    # A pen wider than a seventh of the digit closes its loops.
    picture = written(glyph, width, height, min(sheet.pen_px, 0.14 * max(width, height) + 0.5))
    picture = _slanted(picture, rng.normal(0, 0.12), rng.normal(0, 0.07))
    # Mostly inside; sometimes it touches or crosses an edge.
    spare = np.array([frame.width - width, frame.height - height])
    reach = np.array([width, height]) * (rng.uniform(0, 0.24) if rng.random() < 0.2 else 0.0)
    return pasted(mask, picture, frame.centre + (spare + reach) / 2 * np.clip(rng.normal(0, 0.45, 2), -1, 1))


def _slanted(picture: Mask, shear: float, turn: float) -> Mask:
    height, width = picture.shape
    border = int(0.25 * max(picture.shape))
    size = width + 2 * border, height + 2 * border
    linear = np.array([[np.cos(turn), -np.sin(turn) - shear], [np.sin(turn), np.cos(turn)]])
    offset = np.array(size) / 2 - linear @ (np.array([width, height]) / 2)
    return np.asarray(cv2.warpAffine(picture, np.hstack([linear, offset[:, np.newaxis]]), size), np.float32)


def _add_dirt(dark: Mask, frame: Frame, rng: np.random.Generator) -> None:
    mask = np.zeros_like(dark)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(0, dark.shape[1])), int(rng.integers(0, dark.shape[0]))
        cv2.circle(mask, at, int(rng.integers(0, 1 + max(1, int(0.04 * frame.shorter)))), 1.0, -1, cv2.LINE_AA)
    if rng.random() < 0.4:
        # What is written on the other side.
        ghost = np.zeros_like(dark)
        line(ghost, rng.uniform(0, 1, (3, 2)) * dark.shape[::-1], rng.uniform(2, 5))
        mask = np.maximum(mask, cv2.GaussianBlur(ghost, (0, 0), rng.uniform(1, 3)) * np.float32(rng.uniform(0.1, 0.4)))
    _add(dark, np.asarray(mask, np.float32), rng.uniform(0.3, 1.0))


def _watermark(shape: tuple[int, ...], rng: np.random.Generator) -> Mask:
    """Large letters and rings, or a small pattern, as 1 on 0."""
    mask = np.zeros(shape, np.uint8)
    span = max(shape)
    large = rng.random() < 0.6
    for _ in range(int(rng.integers(1, 4)) if large else 10):
        at = int(rng.integers(0, shape[1])), int(rng.integers(0, shape[0]))
        wide = max(1, int(span * (rng.uniform(0.08, 0.3) if large else 0.03)))
        if rng.random() < 0.5:
            cv2.circle(mask, at, int(span * (rng.uniform(0.2, 0.7) if large else rng.uniform(0.03, 0.1))), 255, wide)
        else:
            text, scale = str(rng.choice(list("KPUNS21"))), span / 22 * (rng.uniform(0.5, 1.2) if large else 0.2)
            cv2.putText(mask, text, (at[0] - span // 3, at[1] + span // 4), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, wide)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.7) / 255, np.float32)


def _grain(shape: tuple[int, ...], sigma_px: float, rng: np.random.Generator) -> Mask:
    """Noise of spread 1 whatever its grain."""
    noise = cv2.GaussianBlur(rng.standard_normal(shape, dtype=np.float32), (0, 0), sigma_px)
    return np.asarray(noise / max(1e-3, float(noise.std())), np.float32)


def _photographed(dark: Mask, rng: np.random.Generator) -> Mask:
    paper = rng.uniform(120, 250)
    page = paper * (1 - np.float32(rng.uniform(0.8, 0.95)) * dark)
    if rng.random() < 0.5:
        page *= 1 - np.float32(rng.uniform(0.03, 0.18)) * _watermark(dark.shape, rng)
    if rng.random() < 0.4:
        page += _grain(dark.shape, rng.uniform(0.5, 1.5), rng) * np.float32(rng.uniform(1, 8))
    return np.asarray(page, np.float32)


def _scanned(dark: Mask, sheet: Sheet, rng: np.random.Generator) -> Mask:
    """Black where it is dark enough, here or against what surrounds it; the watermark may stay as grey."""
    # Never softer than the pen, or its whole stroke would pass under the threshold.
    soft = cv2.GaussianBlur(dark, (0, 0), min(rng.uniform(0.35, 0.9), 0.45 * sheet.pen_px))
    soft = soft + _grain(dark.shape, rng.uniform(0.5, 1.2), rng) * np.float32(rng.uniform(0.0, 0.1) * sheet.ink)
    threshold = sheet.ink * rng.uniform(0.25, 0.62)
    if rng.random() < 0.35:
        side = int(min(dark.shape) * rng.uniform(0.3, 0.8)) | 1
        soft = soft - cv2.blur(soft, (side, side)) * np.float32(rng.uniform(0.2, 0.5))
        threshold *= 0.75
    black = soft > threshold
    page = np.full(dark.shape, rng.uniform(238, 255), np.float32)
    if rng.random() < 0.6:
        page -= np.float32(rng.uniform(8, 45)) * (_watermark(dark.shape, rng) > 0.5)
    page[black] = rng.uniform(0, 40)
    if rng.random() < 0.3:
        specks = rng.random(dark.shape) < rng.uniform(0.0005, 0.006)
        page[specks] = np.where(black[specks], np.float32(250), np.float32(20))
    return np.asarray(cv2.GaussianBlur(page, (0, 0), rng.uniform(0.25, 0.9)), np.float32)


def _cut(page: Mask, frame: Frame, rng: np.random.Generator) -> Grey:
    margin = frame.shorter * (rng.uniform(0.0, 0.16) + rng.normal(0, 0.02, 4))
    x, y = rng.normal(0, 0.025, 2) * frame.shorter
    left, top = max(0, round(frame.left - margin[0] + x)), max(0, round(frame.top - margin[1] + y))
    right, bottom = round(frame.right + margin[2] + x), round(frame.bottom + margin[3] + y)
    return np.clip(page[top:bottom, left:right] + np.float32(0.5), 0, 255).astype(np.uint8)
