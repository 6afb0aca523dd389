"""Whether two photos show one sheet of paper, by the handwriting in its registered digit boxes.

Pages of one form look alike whatever is written on them, so a hash of the photo is no use. The boxes are where two
sheets must differ: nobody writes all numbers of a page twice with every stroke in the same place. Measured in
docs/handwriting.md.

The cells are those of the digit model (:func:`~ocr_pipeline.recognition.digits.prepare_cell`); numpy alone is needed
here, so the process that compares needs no image library.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.errors import EvidenceError

Fingerprint = bytes
"""Of one page: its sheet's tag, then index and ink of each box with handwriting; 7 + 86 bytes a box."""

LEAST_BOXES: Final = 6
"""Boxes with handwriting that a fingerprint needs, and that two need in common: fewer agree by chance."""
MOST_BOXES: Final = 36
"""Boxes in one fingerprint at most, the first of the page: 3.1 kB."""
SAME_SHEET: Final = 0.80
"""Likeness from which two photos are taken to show one sheet; measured in docs/handwriting.md."""
LEAST_INK: Final = 0.12
"""Contrast of a box's darkest strokes (share of the contrast of its frame) from which it holds handwriting: just above
what printed guides and shadows reach in empty boxes of real photos."""
LONGEST_BUCKET: Final = 80
"""Characters of one key of :func:`handwriting_buckets` at most; a longer one is replaced by its hash."""

_FIRST, _SIDE, _GRID = 7, 26, 13
"""The part of a 40 px cell inside the printed frame, and the grid it is averaged to (2 x 2 px)."""
_FLATTEN_PX: Final = 7
"""Shading is what changes slowly: the mean over 15 x 15 px."""
_STROKE_QUANTILE: Final = 0.98
_LEVELS: Final = 15
_SHIFT: Final = 1
"""Cells of the grid that a box may lie off, each way: 2 px of the cell, 5 % of the box."""

_MAGIC: Final = b"HW\x01"
_TAG_BYTES: Final = 4
_INK_BYTES: Final = (_GRID * _GRID + 1) // 2
_BOX_BYTES: Final = 1 + _INK_BYTES

Cells = NDArray[np.float32]
_Ink = NDArray[np.float64]


def sheet_name(form_id: str, page: int) -> str:
    """The printed page that fingerprints and buckets are of, for example ``c-hasil-ppwp-2024/2``."""
    return f"{form_id}/{page}"


def fingerprint(sheet: str, boxes: Sequence[Cells | None]) -> Fingerprint | None:
    """The handwriting of one page.

    Args:
        sheet: of :func:`sheet_name`; only pages of one printed page are ever alike.
        boxes: prepared cells, each (40, 40) float32, ink 1 and paper 0, in the page's order, at most 256; ``None`` for
            a box that was not found.

    Returns:
        At most 3.1 kB, or ``None`` where fewer than :data:`LEAST_BOXES` boxes hold handwriting: the printed frame is
        cut away, and printed guides and shadows are fainter than :data:`LEAST_INK`.

    Raises:
        ValueError: more than 256 boxes, or a cell of another shape.
    """
    if len(boxes) > 256:
        raise ValueError(f"{len(boxes)} boxes on one page")
    found = [(i, cell) for i, cell in enumerate(boxes) if cell is not None]
    if len(found) < LEAST_BOXES:
        return None
    ink, strength = _ink(np.stack([cell for _, cell in found]))
    written = [k for k in range(len(found)) if strength[k] >= LEAST_INK][:MOST_BOXES]
    if len(written) < LEAST_BOXES:
        return None
    levels = np.rint(ink[written] * _LEVELS).astype(np.uint8).reshape(len(written), -1)
    even = np.pad(levels, ((0, 0), (0, 2 * _INK_BYTES - levels.shape[1])))
    packed = even[:, ::2] << 4 | even[:, 1::2]
    rows = (bytes([found[k][0]]) + row.tobytes() for k, row in zip(written, packed, strict=True))
    return _MAGIC + _tag(sheet) + b"".join(rows)


def likeness(a: Fingerprint, b: Fingerprint) -> float:
    """How alike the handwriting of two pages is.

    The mean over the third of the boxes that are least alike, see :func:`box_likeness`: on one sheet all boxes agree,
    while two sheets with equal numbers always have boxes that do not.

    Args:
        a: a fingerprint.
        b: another one.

    Returns:
        0 to 1; 0 for different printed pages, and with fewer than :data:`LEAST_BOXES` boxes in common.

    Raises:
        EvidenceError: one of them is no fingerprint.
    """
    alike = sorted(box_likeness(a, b).values())
    if len(alike) < LEAST_BOXES:
        return 0.0
    return float(np.clip(np.mean(alike[: len(alike) // 3]), 0, 1))


def box_likeness(a: Fingerprint, b: Fingerprint) -> dict[int, float]:
    """Index of each box with handwriting on both pages -> how alike it is there.

    The highest normalised cross-correlation of the ink over shifts of up to 2 px of the cell each way, -1 to 1.
    Empty for different printed pages.

    Raises:
        EvidenceError: one of them is no fingerprint.
    """
    tag_a, boxes_a = _unpack(a)
    tag_b, boxes_b = _unpack(b)
    common = sorted(boxes_a.keys() & boxes_b.keys()) if tag_a == tag_b else []
    if not common:
        return {}
    one, other = (np.stack([boxes[i] for i in common]) for boxes in (boxes_a, boxes_b))
    return dict(zip(common, _correlation(one, other).tolist(), strict=True))


def handwriting_buckets(sheet: str, values: Mapping[str, int | None]) -> tuple[str, ...]:
    """Keys under which pages that may be one sheet are found without comparing all of them.

    One key for each pair of the first three numbers (by field id) that were read and have two digits or more: two
    photos of one sheet share a key if two of these three are read alike. A single number would not do: of 800,000
    stations thousands share one.

    Args:
        sheet: as for :func:`fingerprint`.
        values: field -> value as the reader read it (not as a person corrected it); ``None`` where undecided.

    Returns:
        At most three keys of at most :data:`LONGEST_BUCKET` characters; none where fewer than two numbers will do.
    """
    read = sorted((field, value) for field, value in values.items() if value is not None and value >= 10)
    keys = (f"{sheet}|{f}={u}|{g}={v}" for (f, u), (g, v) in combinations(read[:3], 2))
    return tuple(key if len(key) <= LONGEST_BUCKET else hashlib.sha256(key.encode()).hexdigest() for key in keys)


def _tag(sheet: str) -> bytes:
    return hashlib.sha256(sheet.encode()).digest()[:_TAG_BYTES]


def _unpack(packed: Fingerprint) -> tuple[bytes, dict[int, _Ink]]:
    start = len(_MAGIC) + _TAG_BYTES
    if not packed.startswith(_MAGIC) or len(packed) < start or (len(packed) - start) % _BOX_BYTES:
        raise EvidenceError("sidik tulisan rusak", "a damaged handwriting fingerprint")
    rows = np.frombuffer(packed, np.uint8, offset=start).reshape(-1, _BOX_BYTES)
    nibbles = np.stack([rows[:, 1:] >> 4, rows[:, 1:] & 15], axis=2).reshape(len(rows), -1)
    ink = nibbles[:, : _GRID * _GRID].astype(np.float64).reshape(-1, _GRID, _GRID)
    return packed[len(_MAGIC) : start], dict(zip(rows[:, 0].tolist(), ink, strict=True))


def _ink(cells: Cells) -> tuple[_Ink, _Ink]:
    """Ink of n cells as (n, 13, 13) in 0-1, each by its own darkest strokes, and how strong these are, (n,)."""
    smooth = _blurred(cells.astype(np.float64))[:, _FIRST : _FIRST + _SIDE, _FIRST : _FIRST + _SIDE]
    darker = np.clip(smooth - _local_mean(smooth, _FLATTEN_PX), 0, None)
    step = _SIDE // _GRID
    grid = darker.reshape(-1, _GRID, step, _GRID, step).mean((2, 4))
    strength = np.quantile(grid.reshape(len(grid), -1), _STROKE_QUANTILE, axis=1)
    scale = np.maximum(strength, LEAST_INK)[:, None, None]
    return np.minimum(grid / scale, 1), strength


def _blurred(cells: _Ink) -> _Ink:
    """A binomial filter of 5 x 5 px: sharp and soft photos of one stroke come closer."""
    for _ in range(2):
        for axis in (1, 2):
            pad = [(0, 0)] * 3
            pad[axis] = (1, 1)
            wide = np.moveaxis(np.pad(cells, pad, "edge"), axis, 0)
            cells = np.moveaxis((wide[:-2] + 2 * wide[1:-1] + wide[2:]) / 4, 0, axis)
    return cells


def _local_mean(cells: _Ink, reach_px: int) -> _Ink:
    """Mean over the square of ``2 reach_px + 1`` about each px, edges repeated."""
    around, side = ((0, 0), (reach_px, reach_px), (reach_px, reach_px)), 2 * reach_px + 1
    sums = np.pad(np.pad(cells, around, "edge").cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0)))
    total = sums[:, side:, side:] - sums[:, :-side, side:] - sums[:, side:, :-side] + sums[:, :-side, :-side]
    return np.asarray(total / side**2, np.float64)


def _correlation(a: _Ink, b: _Ink) -> _Ink:
    """Highest normalised cross-correlation of each pair over all shifts, (n,), from -1 to 1."""
    pairs = [_overlap_correlation(a, b, dy, dx) for dy, dx in _shifts()]
    return np.asarray(np.max(pairs, axis=0), np.float64)


def _shifts() -> Iterator[tuple[int, int]]:
    reach = range(-_SHIFT, _SHIFT + 1)
    return ((dy, dx) for dy in reach for dx in reach)


def _overlap_correlation(a: _Ink, b: _Ink, dy: int, dx: int) -> _Ink:
    one = a[:, max(dy, 0) : _GRID + min(dy, 0), max(dx, 0) : _GRID + min(dx, 0)].reshape(len(a), -1)
    other = b[:, max(-dy, 0) : _GRID + min(-dy, 0), max(-dx, 0) : _GRID + min(-dx, 0)].reshape(len(b), -1)
    one, other = one - one.mean(1, keepdims=True), other - other.mean(1, keepdims=True)
    power = (one * one).sum(1) * (other * other).sum(1)
    return np.asarray((one * other).sum(1) / np.sqrt(np.maximum(power, 1e-12)), np.float64)
