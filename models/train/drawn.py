"""Boxes of the 2024 form drawn from scratch: frame, writing guide, paper, dirt, neighbouring ink, a symbol inside.

Real blanks and dashes are rare and X has few writers, so these are drawn as strongly as the digits. Guide geometry:
measured on page 2 of the 2024 form, shares of the box's outer side (21.0 mm, rule 1.05 mm).
"""

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
    lay,
    line,
    pasted,
)

SIDE_PX = 64
_GUIDE_COLUMNS = (0.302, 0.400, 0.498, 0.595, 0.695)
_GUIDE_ROWS = (0.186, 0.265, 0.343, 0.424, 0.502, 0.581, 0.660, 0.738, 0.819)
_GUIDE_DOT = 0.033


def draw_box(label: int, symbols: Symbols, rng: np.random.Generator) -> Grey:
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
    _draw_frame(canvas, frame, paper, rng)
    if rng.random() < 0.6:
        _draw_guide(canvas, frame, paper * rng.uniform(0.72, 0.96))
    if rng.random() < (0.45 if label == BLANK else 0.2):
        lay(canvas, _neighbour_ink(frame, rng), paper * rng.uniform(0.15, 0.7))
    if rng.random() < (0.5 if label == BLANK else 0.25):
        _dirt(canvas, paper, rng)
    if label != BLANK:
        pale = rng.random() < 0.2
        ink = paper * (rng.uniform(0.6, 0.82) if pale else rng.uniform(0.08, 0.62))
        lay(canvas, _symbol(label, symbols, frame, rng), ink)
    if rng.random() < 0.35:
        grain = rng.standard_normal((SIDE_PX, SIDE_PX), dtype=np.float32) * np.float32(rng.uniform(1, 8))
        canvas += cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 1.5))
    return np.clip(canvas, 0, 255).astype(np.uint8)


def _random_frame(rng: np.random.Generator) -> Frame:
    side = SIDE_PX * rng.uniform(0.76, 0.92)
    width, height = side * np.exp(rng.normal(0, 0.03)), side * np.exp(rng.normal(0, 0.03))
    centre_x, centre_y = SIDE_PX / 2 + rng.normal(0, 1.0), SIDE_PX / 2 + rng.normal(0, 1.0)
    return Frame(centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2)


def _draw_frame(canvas: Mask, frame: Frame, paper: float, rng: np.random.Generator) -> None:
    width = frame.width * rng.uniform(0.02, 0.062)
    ink = paper * rng.uniform(0.08, 0.6)
    inset = width / 2
    left, top, right, bottom = frame.left + inset, frame.top + inset, frame.right - inset, frame.bottom - inset
    mask = np.zeros_like(canvas)
    lines = [[(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]]
    if rng.random() < 0.5:
        # The next box of the number starts 2.5 mm further on.
        gap = frame.width * 0.12
        lines += [[(x, top), (x, bottom)] for x in (right + gap, left - gap)]
    for ends in lines:
        line(mask, np.array(ends, np.float64), width)
    lay(canvas, mask, ink)


def _draw_guide(canvas: Mask, frame: Frame, grey: float) -> None:
    width, height = frame.width, frame.height
    half = max(0.5, _GUIDE_DOT * width / 2)
    mask = np.zeros_like(canvas)
    for row, share_y in enumerate(_GUIDE_ROWS):
        for column, share_x in enumerate(_GUIDE_COLUMNS):
            if column % 2 == 1 and row % 4 != 0:
                continue
            x, y = frame.left + share_x * width, frame.top + share_y * height
            mask[round(y - half) : round(y + half) + 1, round(x - half) : round(x + half) + 1] = 0.6
    lay(canvas, mask, grey)


def _neighbour_ink(frame: Frame, rng: np.random.Generator) -> Mask:
    """A stroke that belongs to the next box or row and crosses the frame a little."""
    mask = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    width, height = frame.width, frame.height
    edge = int(rng.integers(0, 4))
    along, depth = rng.uniform(-0.1, 1.1, 2), rng.uniform(-0.15, 0.14, 2)
    points = [(along[i], depth[i]) if edge < 2 else (depth[i], along[i]) for i in range(2)]
    if edge % 2 == 1:
        points = [(x, 1 - y) if edge < 2 else (1 - x, y) for x, y in points]
    scaled = np.array([(frame.left + x * width, frame.top + y * height) for x, y in points])
    line(mask, scaled, rng.uniform(1, 3.5))
    return mask


def _dirt(canvas: Mask, paper: float, rng: np.random.Generator) -> None:
    """Specks, smudges and a ghost of writing on the other side of the paper."""
    mask = np.zeros_like(canvas)
    for _ in range(int(rng.integers(1, 5))):
        centre = (int(rng.integers(4, 60)), int(rng.integers(4, 60)))
        cv2.circle(mask, centre, int(rng.integers(0, 3)), float(rng.uniform(0.2, 1.0)), -1, cv2.LINE_AA)
    lay(canvas, mask, paper * rng.uniform(0.3, 0.9))
    if rng.random() < 0.4:
        ghost = np.zeros_like(canvas)
        line(ghost, rng.uniform(8, 56, (3, 2)), rng.uniform(2, 5))
        ghost = np.asarray(cv2.GaussianBlur(ghost, (0, 0), rng.uniform(1.5, 4)), np.float32)
        lay(canvas, ghost * np.float32(rng.uniform(0.1, 0.5)), paper * rng.uniform(0.8, 0.93))


def _symbol(label: int, symbols: Symbols, frame: Frame, rng: np.random.Generator) -> Mask:
    mask = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    if label == FILLER and rng.random() < 0.7:
        add_filler(mask, frame, rng)
    elif label == DASH and rng.random() < 0.8:
        add_dash(mask, frame, rng)
    elif label < 10 and rng.random() < 0.3:
        add_squared_digit(mask, label, frame, rng)
    else:
        return _written_symbol(label, symbols[label], frame, rng)
    return mask


def _written_symbol(label: int, glyphs: list[Grey], frame: Frame, rng: np.random.Generator) -> Mask:
    glyph = glyphs[int(rng.integers(0, len(glyphs)))].astype(np.float32) / 255
    side = frame.width
    height = side * (rng.uniform(0.03, 0.1) if label == DASH else rng.uniform(0.4, 0.84))
    width = height * glyph.shape[1] / glyph.shape[0] * np.exp(rng.normal(0, 0.12))
    width = min(side * 0.86, side * rng.uniform(0.2, 0.8) if label == DASH else width)
    size = np.array([max(2, round(width)), max(2, round(height))])
    scaled = np.asarray(cv2.resize(glyph, size.tolist(), interpolation=cv2.INTER_CUBIC), np.float32)
    scaled = np.clip((scaled - rng.uniform(0.25, 0.6)) / 0.3 + 0.5, 0, 1).astype(np.float32)
    spare = side * 0.92 - size
    centre = frame.centre + spare / 2 * np.clip(rng.normal(0, 0.35, 2), -1, 1)
    return pasted(np.zeros((SIDE_PX, SIDE_PX), np.float32), scaled, centre)
