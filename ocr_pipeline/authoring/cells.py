"""Closed cells between rules, and rows of equal ones."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from ocr_pipeline.authoring.lines import LineArt, edge_at
from ocr_pipeline.authoring.sheet import SHEET_LONG_SIDE

LEAST_SIDE_PX, MOST_SIDE_PX = 0.010 * SHEET_LONG_SIDE, 0.075 * SHEET_LONG_SIDE
"""Sides of the cells that can be boxes for a digit or for tally strokes."""
_LEAST_FILL = 0.8
_SAME_PX = 5.0
_SAME_SHARE = 0.12
_MOST_PITCH = 1.7
"""Distance of neighbours in a row, as a share of their width."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A rectangle closed by four rules, in sheet px; its edges are the centre lines of the rules."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Width in px."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height in px."""
        return self.y1 - self.y0

    @property
    def x(self) -> float:
        """Centre across."""
        return (self.x0 + self.x1) / 2

    @property
    def y(self) -> float:
        """Centre down."""
        return (self.y0 + self.y1) / 2


Row = tuple[Cell, ...]
"""Equal cells side by side at one pitch, from left to right."""


def find_cells(art: LineArt) -> list[Cell]:
    """Every small cell that is closed on four sides."""
    free = np.asarray(~art.mask, np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(free, connectivity=4)
    cells = []
    for x, y, width, height, area in stats[1:count]:
        sides = (float(width), float(height))
        if min(sides) < LEAST_SIDE_PX - 6 or max(sides) > MOST_SIDE_PX or area < _LEAST_FILL * width * height:
            continue
        left, top, right, bottom = float(x) - 1, float(y) - 1, float(x + width), float(y + height)
        cells.append(
            Cell(
                edge_at(art.ridge, "v", left, top, bottom),
                edge_at(art.ridge, "h", top, left, right),
                edge_at(art.ridge, "v", right, top, bottom),
                edge_at(art.ridge, "h", bottom, left, right),
            )
        )
    return [c for c in cells if min(c.width, c.height) >= LEAST_SIDE_PX]


def find_rows(cells: list[Cell]) -> list[Row]:
    """Rows of at least two equal cells, from the top down; each cell is in one row."""
    rows: list[list[Cell]] = []
    for cell in sorted(cells, key=lambda c: c.x0):
        fitting = [row for row in rows if _continues(row, cell)]
        if fitting:
            max(fitting, key=lambda row: row[-1].x1).append(cell)
        else:
            rows.append([cell])
    found = [tuple(row) for row in rows if len(row) > 1]
    return sorted(found, key=lambda row: (row[0].y0, row[0].x0))


def _continues(row: list[Cell], cell: Cell) -> bool:
    last = row[-1]
    pitch = cell.x - last.x
    level = abs(cell.y0 - last.y0) <= _SAME_PX and abs(cell.y1 - last.y1) <= _SAME_PX
    if not level or not alike(cell.width, last.width) or not 0.9 * last.width <= pitch <= _MOST_PITCH * last.width:
        return False
    return len(row) == 1 or alike(pitch, last.x - row[-2].x)


def alike(one: float, two: float) -> bool:
    """Whether two lengths in px are equal but for the printing and the measuring."""
    return abs(one - two) <= max(_SAME_SHARE * max(one, two), 2.5)


def row_edges(row: Row) -> list[float]:
    """Column edges of touching cells: a shared edge is the mean of both."""
    inner = [(a.x1 + b.x0) / 2 for a, b in pairwise(row)]
    return [row[0].x0, *inner, row[-1].x1]


def touching(row: Row) -> bool:
    """Whether neighbours share their edge."""
    return all(b.x0 - a.x1 <= _SAME_PX for a, b in pairwise(row))
