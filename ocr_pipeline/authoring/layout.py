"""What the cells of a page are: digit boxes of a number, tally grids, boxes for row totals."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ocr_pipeline.authoring.bubbles import BubbleBlock, bubbles_under, find_rings
from ocr_pipeline.authoring.cells import Cell, Row, alike, find_cells, find_rows, row_edges, touching
from ocr_pipeline.authoring.lines import LineArt, Stroke, find_lines
from ocr_pipeline.authoring.sheet import SHEET_LONG_SIDE
from ocr_pipeline.values import Grey

MOST_BOXES = 6
_TALLY_COLUMNS = 7
_TALLY_ROWS = 2
_DIGIT_ASPECT, _LONG_ROW_ASPECT = (0.35, 2.2), 1.0
"""Width of a box for a digit by its height; wider cells in a long row are a table's."""
_MOST_DIGIT_PX = 0.05 * SHEET_LONG_SIDE
"""Width of the widest box for a digit; on the forms that are known it is at most 3.7 % of the page's longer side."""
_SAME_PX = 6.0
_SHARED_PX = 1.0
"""Neighbours in a table share their edge; more than this is no shared edge."""
_GAP_PX = 40.0
"""Boxes of one column are at most this far apart, and a rule along them reaches at most this far beyond."""
_BESIDE_PX = 0.02 * SHEET_LONG_SIDE
_TOTALS_PX = 0.12 * SHEET_LONG_SIDE
"""Boxes for row totals begin and end this near to their tally grid."""
_STANDS_OUT = 1.1
"""How much longer a rule between two numbers is than those between their digits."""


@dataclass(frozen=True, slots=True)
class TallyGrid:
    """Column and row edges of a grid in sheet px."""

    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FoundNumber:
    """Boxes that look like one number, with what belongs to them."""

    boxes: Row
    bubbles: BubbleBlock | None
    tally: TallyGrid | None
    row_totals: TallyGrid | None


@dataclass(frozen=True, slots=True)
class Layout:
    """What was found on a page, in sheet px; numbers in reading order.

    ``unsure`` are rows of boxes that may be several numbers or none, and are left to the technician.
    """

    rules: tuple[Stroke, ...]
    numbers: tuple[FoundNumber, ...]
    loose_tallies: tuple[TallyGrid, ...]
    unsure: tuple[Row, ...]


def find_layout(grey: Grey) -> Layout:
    """The layout of a straightened page, uint8 (h, w)."""
    art = find_lines(grey)
    cells = find_cells(art)
    parts = [part for row in find_rows(cells) for part in _numbers_of(row, art.rules)]
    blocks = _blocks(parts)
    tallies = [_grid(block) for block in blocks if _is_tally(block)]
    totals = {tally: _row_totals(tally, cells) for tally in tallies}
    in_totals = {cell for grid in totals.values() if grid is not None for cell in _cells_in(grid, cells)}
    rows = [
        row
        for block in blocks
        if not _is_tally(block)
        for row in block
        if not in_totals.intersection(row) and _could_be_digits(row) and not _is_spacer(row, parts)
    ]
    rings = find_rings(grey)
    boxes, doubtful = _apart(_in_reading_order([_evened(row) for row in rows if len(row) <= MOST_BOXES]))
    owner = _owners(tallies, boxes)
    numbers = []
    for row in boxes:
        tally = next((t for t in tallies if owner.get(t) == row), None)
        numbers.append(FoundNumber(row, bubbles_under(rings, row), tally, totals[tally] if tally else None))
    return Layout(
        rules=_without_box_edges(art, boxes),
        numbers=tuple(numbers),
        loose_tallies=tuple(t for t in tallies if t not in owner),
        unsure=(*doubtful, *(row for row in rows if len(row) > MOST_BOXES)),
    )


def _numbers_of(row: Row, rules: tuple[Stroke, ...]) -> list[Row]:
    """A row of touching cells split at the rules that stand out: three columns of three digits are three numbers."""
    if not touching(row) or len(row) < 4:
        return [row]
    lengths = [_length_at(cell, rules) for cell in row[1:]]
    for size in (3, 2, 4, 5, 6):
        if len(row) % size or len(row) == size:
            continue
        between = lengths[size - 1 :: size]
        within = [v for i, v in enumerate(lengths, 1) if i % size]
        if min(between) > _STANDS_OUT * max(within):
            return [row[i : i + size] for i in range(0, len(row), size)]
    if MOST_BOXES < len(row) < 10 and len(row) % 3 == 0:
        return [row[i : i + 3] for i in range(0, len(row), 3)]
    return [row]


def _length_at(cell: Cell, rules: tuple[Stroke, ...]) -> float:
    """Length of the longest rule on the left edge of a cell."""
    own = [s.length for s in rules if s.axis == "v" and abs(s.at - cell.x0) <= _SAME_PX and s.start < cell.y < s.end]
    return max(own, default=0.0)


def _blocks(rows: list[Row]) -> list[list[Row]]:
    """Rows with the same column edges that touch from top to bottom."""
    by_count: dict[int, list[list[Row]]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r[0].y0):
        stacks = by_count[len(row)]
        for stack in stacks:
            last = stack[-1]
            same = all(
                abs(a.x0 - b.x0) <= _SAME_PX and abs(a.x1 - b.x1) <= _SAME_PX for a, b in zip(last, row, strict=True)
            )
            if same and abs(row[0].y0 - last[0].y1) <= _SAME_PX and alike(row[0].height, last[0].height):
                stack.append(row)
                break
        else:
            stacks.append([row])
    return [stack for stacks in by_count.values() for stack in stacks]


def _is_tally(block: list[Row]) -> bool:
    return len(block) >= _TALLY_ROWS and len(block[0]) >= _TALLY_COLUMNS and touching(block[0])


def _grid(block: list[Row]) -> TallyGrid:
    inner = [(a[0].y1 + b[0].y0) / 2 for a, b in pairwise(block)]
    return TallyGrid(tuple(row_edges(block[0])), (block[0][0].y0, *inner, block[-1][0].y1))


def _row_totals(tally: TallyGrid, cells: list[Cell]) -> TallyGrid | None:
    """The columns of boxes at the right of a tally grid that have its rows."""
    columns: list[list[Cell]] = []
    for top, bottom in pairwise(tally.y):
        own = [
            c for c in cells if _on(c.y0, (top, top)) and _on(c.y1, (bottom, bottom)) and c.x0 > tally.x[-1] - _SAME_PX
        ]
        columns.append(sorted(own, key=lambda c: c.x0))
    kept: list[Cell] = []
    reached = tally.x[-1] + _BESIDE_PX
    for cell in min(columns, key=len):
        if cell.x0 > reached or cell.x1 > tally.x[-1] + _TOTALS_PX:
            break
        kept.append(cell)
        reached = cell.x1 + _SAME_PX
    return TallyGrid(tuple(row_edges(tuple(kept))), tally.y) if kept else None


def _cells_in(grid: TallyGrid, cells: list[Cell]) -> Iterator[Cell]:
    for c in cells:
        if grid.x[0] < c.x < grid.x[-1] and grid.y[0] < c.y < grid.y[-1]:
            yield c


def _evened(row: Row) -> Row:
    """The row as a definition can say it: boxes of one size on one line."""
    top, height = float(np.mean([c.y0 for c in row])), float(np.mean([c.height for c in row]))
    width = min(float(np.mean([c.width for c in row])), *(b.x0 - a.x0 for a, b in pairwise(row)))
    return tuple(Cell(c.x0, top, c.x0 + width, top + height) for c in row)


def _apart(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Rows that overlap no other before them, and those that do."""
    kept: list[Row] = []
    doubtful: list[Row] = []
    for row in rows:
        clash = any(_overlap(a, b) for other in kept for a in row for b in other)
        (doubtful if clash else kept).append(row)
    return kept, doubtful


def _overlap(one: Cell, two: Cell) -> bool:
    width = min(one.x1, two.x1) - max(one.x0, two.x0)
    height = min(one.y1, two.y1) - max(one.y0, two.y0)
    return min(width, height) > _SHARED_PX


def _could_be_digits(row: Row) -> bool:
    least, most = _DIGIT_ASPECT[0], _DIGIT_ASPECT[1] if len(row) <= MOST_BOXES else _LONG_ROW_ASPECT
    return all(least <= c.width / c.height <= most and c.width <= _MOST_DIGIT_PX for c in row)


def _is_spacer(row: Row, rows: list[Row]) -> bool:
    """Whether a low row hangs on boxes of the same width that are more than twice as high."""
    cell = row[0]
    return any(
        other[0].height > 2 * cell.height
        and _on(cell.x0, (other[0].x0, other[0].x0))
        and (abs(other[0].y1 - cell.y0) <= _SAME_PX or abs(other[0].y0 - cell.y1) <= _SAME_PX)
        for other in rows
    )


def _in_reading_order(rows: list[Row]) -> list[Row]:
    """Line by line from the top, each from the left; rows that begin at nearly the same height are one line."""
    ordered: list[Row] = []
    line: list[Row] = []
    for row in sorted(rows, key=lambda r: r[0].y0):
        if line and row[0].y0 > line[0][0].y:
            ordered += sorted(line, key=lambda r: r[0].x0)
            line = []
        line.append(row)
    return ordered + sorted(line, key=lambda r: r[0].x0)


def _owners(tallies: list[TallyGrid], boxes: list[Row]) -> dict[TallyGrid, Row]:
    """The number of each tally grid: the nearest boxes at its right, at the height of its rows."""
    owner: dict[TallyGrid, Row] = {}
    for tally in tallies:
        top, bottom = tally.y[0] - _BESIDE_PX, tally.y[-1] + _BESIDE_PX
        near = [row for row in boxes if top < row[0].y < bottom and row[0].x0 > tally.x[-1] - _SAME_PX]
        near = [row for row in near if row not in owner.values()]
        if near:
            owner[tally] = min(near, key=lambda row: (row[0].x0, row[0].y0))
    return owner


def _without_box_edges(art: LineArt, boxes: list[Row]) -> tuple[Stroke, ...]:
    """The rules that are more than edges of digit boxes: those edges follow from the boxes."""
    return tuple(s for s in art.rules if not _is_edges_only(s, boxes))


def _is_edges_only(s: Stroke, boxes: list[Row]) -> bool:
    """Whether a rule runs along edges of digit boxes, and nowhere far from them."""
    if s.axis == "h":
        spans = [(row[0].x0, row[-1].x1) for row in boxes if _on(s.at, (row[0].y0, row[0].y1))]
    else:
        spans = [(c.y0, c.y1) for row in boxes for c in row if _on(s.at, (c.x0, c.x1))]
    reached = s.start
    for start, end in sorted(spans):
        if start - reached > _GAP_PX:
            break
        reached = max(reached, end)
    return bool(spans) and s.end - reached <= _GAP_PX


def _on(at: float, edges: tuple[float, float]) -> bool:
    return any(abs(at - edge) <= _SAME_PX for edge in edges)
